"""Carrying out a plan: in parallel, at the pace that the Hub allows, and resumable."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from hubtools.cards.card_file import load_card
from hubtools.core.errors import (
    AccessError,
    ConflictError,
    HubtoolsError,
    HubUnavailableError,
    PartlyDoneError,
)
from hubtools.core.events import Reporter, Task
from hubtools.services.desired import Fleet, bytes_digest, wanted_of
from hubtools.sync.client import Hub, StoppedError, interruptible, timed
from hubtools.sync.commit import CommitRequest, deliver, expected_requests
from hubtools.sync.observe import AT_A_TIME
from hubtools.sync.plan import CARRIED_OUT, README, Change, Plan, Seen
from hubtools.sync.state import StateCache

_HOME = "Nothing was overwritten. Bring edits home with hubtools pull NAME"
_ENDING = "ending after the requests in flight"
_HOPELESS = 5
"""Refusals in a row after which a token is taken to be good for nothing."""
_TICK = 1.0  # seconds between two looks at what a person who waits is told
_LONG = 2.0  # seconds of waiting that are worth a word
_WAITING = 2 * AT_A_TIME  # changes that are rendered ahead of the requests


@dataclass(frozen=True, slots=True)
class Trouble:
    """A repository that was left as it is, and why."""

    repo: str
    error: str
    cause: HubtoolsError | None = None


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """What came of a plan."""

    applied: int
    unchanged: int
    conflicts: tuple[Trouble, ...]
    failed: tuple[Trouble, ...]
    left: int
    """Changes that were not made, since the run was ended."""
    seconds: float
    interrupted: bool = False
    cause: HubtoolsError | None = None
    """Why the run was ended before its time."""
    heads: Mapping[str, str] = field(default_factory=dict)
    """The commits that repositories are at now, by their ids."""

    def error(self) -> HubtoolsError | None:
        """What a command ends with: None when all is done.

        PartlyDoneError where a rerun does more, ConflictError where it would not; when nothing
        was done at all, what stood in the way.
        """
        cause = self.cause or _shared_cause(self.failed)
        if cause is not None and not self.applied:
            return cause
        if self.failed or self.left:
            some = f"{len(self.failed) + self.left:,} of {self._all:,} models are not done"
            fix = str(cause) if cause else "Run the same command again for the rest"
            return PartlyDoneError(some, fix=fix)
        if self.conflicts:
            if self._all == 1:
                (one,) = self.conflicts
                return one.cause or ConflictError(one.error, where=one.repo, fix=_HOME)
            names = ", ".join(one.repo for one in self.conflicts[:3])
            more = ", …" if len(self.conflicts) > 3 else ""
            return ConflictError(
                f"{len(self.conflicts):,} of {self._all:,} models changed on the Hub and were "
                f"left as they are: {names}{more}",
                fix=_HOME,
            )
        return None

    @property
    def _all(self) -> int:
        done = self.applied + self.unchanged + self.left
        return done + len(self.conflicts) + len(self.failed)


def _said(error: Exception, repo: str) -> str:
    """What a failure says in a line that begins with `repo`."""
    if isinstance(error, HubtoolsError) and error.where == repo:
        text = f"{error.what}. {error.fix}" if error.fix else error.what
    elif isinstance(error, HubtoolsError | OSError):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def _shared_cause(failed: Sequence[Trouble]) -> HubtoolsError | None:
    """What all failures come from, where they end a command alike."""
    causes = [one.cause for one in failed if one.cause is not None]
    alike = len(causes) == len(failed) and len({cause.exit_code for cause in causes}) == 1
    return causes[0] if alike and causes else None


class _Run:
    """The state of one apply: what has come of each change so far."""

    def __init__(self, plan: Plan, memory: StateCache) -> None:
        self.plan, self.memory = plan, memory
        self.heads: dict[str, str] = {}
        self.conflicts = [Trouble(c.repo, c.reason) for c in plan.of("conflict")]
        self.failed: list[Trouble] = []
        self.cause: HubtoolsError | None = None
        self.begun = 0
        self._late = 0
        self._refusals = 0

    @property
    def settled(self) -> int:
        """How many of the changes are over, well or badly."""
        return len(self.heads) + len(self.failed) + self._late

    @property
    def detail(self) -> str:
        """What a person who waits wants to know."""
        troubles = [(len(self.failed), "failed"), (self._late, "in conflict")]
        return ", ".join(f"{number} {what}" for number, what in troubles if number)

    def settle(self, delivery: CommitRequest, future: Future[str]) -> None:
        """Take in the outcome of one change."""
        change = delivery.change
        try:
            head = future.result()
        except StoppedError:
            self.begun -= 1
        except ConflictError as error:
            self._late += 1
            self.conflicts.append(Trouble(change.repo, error.what))
            self.memory.forget([change.repo])
        except Exception as error:  # noqa: BLE001 - one model must not end the others
            self.fail(change, error)
        else:
            self._refusals = 0
            self.heads[change.repo] = head
            if change.files:
                there = {path: f"sha256:{d.sha256}" for path, d in delivery.wanted.files.items()}
                self.memory.learn({change.repo: Seen(head, there)})

    def fail(self, change: Change, error: Exception) -> None:
        """Take in what went wrong with a change."""
        cause = error if isinstance(error, HubtoolsError) else None
        self.failed.append(Trouble(change.repo, _said(error, change.repo), cause))
        refused = isinstance(error, AccessError | HubUnavailableError)
        self._refusals = self._refusals + 1 if refused else 0
        if self._refusals >= _HOPELESS and isinstance(error, HubtoolsError):
            self.cause = error


def apply(
    plan: Plan, fleet: Fleet, hub: Hub, memory: StateCache, report: Reporter, *, private: bool
) -> ApplyResult:
    """Carry out the creates, updates and retirements of `plan`, and nothing else.

    Each change is in `memory` when it is done. Ctrl-C, and a Hub or a token that fails five
    times in a row, end the run after the requests in flight; what is left is counted, and a rerun
    does it. `private` is for repositories that are created.
    """
    changes, started = [c for c in plan.changes if c.action in CARRIED_OUT], time.monotonic()
    run, interrupted = _Run(plan, memory), False
    hub.pacer.expect("api", sum(expected_requests(change) for change in changes))
    alone = len(changes) == 1 and sys.stderr.isatty() and not isinstance(report, Reporter)
    with (
        nullcontext() if alone else _without_bars(),
        timed(hub.patience.timeout),
        report.task("Publishing", len(changes)) as bar,
        interruptible(hub) as asked_to_stop,
    ):
        _carry_out(changes, fleet, hub, run, bar, private)
        interrupted = asked_to_stop()
    return ApplyResult(
        applied=len(run.heads),
        unchanged=len(plan.of("unchanged")),
        conflicts=tuple(sorted(run.conflicts, key=lambda one: one.repo)),
        failed=tuple(sorted(run.failed, key=lambda one: one.repo)),
        left=len(changes) - run.begun,
        seconds=round(time.monotonic() - started, 3),
        interrupted=interrupted,
        cause=run.cause,
        heads=run.heads,
    )


def _carry_out(
    changes: Sequence[Change], fleet: Fleet, hub: Hub, run: _Run, bar: Task, private: bool
) -> None:
    """Cards are rendered here, one by one; threads do nothing but wait for the Hub."""
    files = {file.stem.casefold(): file for file in fleet.files}
    pending: dict[Future[str], CommitRequest] = {}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for change in changes:
            while len(pending) >= _WAITING or any(future.done() for future in pending):
                _collect(pending, run, hub, bar)
            if hub.stop.is_set():
                break
            run.begun += 1
            try:
                delivery = _delivery(change, files, fleet, run.memory, private)
            except (HubtoolsError, OSError) as error:
                run.fail(change, error)
                continue
            pending[pool.submit(deliver, hub, delivery)] = delivery
        while pending:
            _collect(pending, run, hub, bar)


def _collect(pending: dict[Future[str], CommitRequest], run: _Run, hub: Hub, bar: Task) -> None:
    """Settle what is done, and wait a moment where nothing is."""
    for future in wait(pending, timeout=_TICK, return_when=FIRST_COMPLETED).done:
        run.settle(pending.pop(future), future)
    if run.cause is not None:
        hub.stop.set()
    bar.advance(run.settled, _ENDING if hub.stop.is_set() else _detail(run, hub))


def _detail(run: _Run, hub: Hub) -> str:
    rest = hub.pacer.rest("api")
    waiting = f"the Hub takes requests again in {rest:.0f} s" if rest >= _LONG else ""
    return ", ".join(said for said in (run.detail, waiting) if said)


def _delivery(
    change: Change, files: Mapping[str, Path], fleet: Fleet, memory: StateCache, private: bool
) -> CommitRequest:
    """What `change` sends, read anew. Raises ConflictError when it is not what was planned."""
    card = load_card(files[change.name.casefold()])
    readme, paths = fleet.renderer.render(card).encode(), fleet.model_files(card)
    wanted = wanted_of(card, bytes_digest(readme), paths, memory)
    for path, planned in change.files.items():
        if path not in wanted.files or wanted.files[path].sha256 != planned:
            what = f"{path} is not what the plan was made from"
            raise HubtoolsError(what, where=change.repo, fix="Run again")
    return CommitRequest(
        change=change,
        wanted=wanted,
        data={p: readme for p in change.files if p == README},
        paths={p: paths[p] for p in change.files if p != README},
        private=private,
        message=_message(change),
    )


def _message(change: Change) -> str:
    match change.action:
        case "create":
            return f"Publish {change.name}"
        case "retire":
            return f"Retire {change.name}"
        case _:
            return f"Update {', '.join(list(change.files)[:3])}"


@contextmanager
def _without_bars() -> Iterator[None]:
    """Keep the client from drawing bars of its own, one for each model at once."""
    from huggingface_hub.constants import HF_HUB_DISABLE_PROGRESS_BARS
    from huggingface_hub.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    if HF_HUB_DISABLE_PROGRESS_BARS is not None or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
