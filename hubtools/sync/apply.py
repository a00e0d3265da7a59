"""Apply a plan: in parallel, at the pace that the Hub allows, and resumable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field

from huggingface_hub.constants import HF_HUB_DISABLE_PROGRESS_BARS
from huggingface_hub.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)

from hubtools.core.cancel import CancelledError
from hubtools.core.errors import (
    AccessError,
    ConflictError,
    HubtoolsError,
    HubUnavailableError,
    PartlyDoneError,
)
from hubtools.core.events import Reporter, Task
from hubtools.sync.client import HubClient
from hubtools.sync.commit import CommitRequest, apply_change, expected_requests
from hubtools.sync.observe import CONCURRENCY
from hubtools.sync.plan import Change, Plan
from hubtools.sync.repo_state import Observed
from hubtools.sync.state import StateCache

_PULL = "Nothing was overwritten. Merge the edits with `hubtools pull NAME`"
_MAX_REFUSALS = 5
"""Refusals in a row after which the token or the Hub is given up."""
_TICK = 1.0  # seconds between two reports while nothing is done
_LONG = 2.0  # seconds of waiting that are worth a word
_MAX_PENDING = 2 * CONCURRENCY  # changes that are rendered ahead of the requests


@dataclass(frozen=True, slots=True)
class RepoFailure:
    """A repository that was left as it was, and why."""

    repo: str
    error: str
    cause: HubtoolsError | None = None

    @property
    def name(self) -> str:
        return self.repo.partition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """The outcome of applying a plan."""

    applied: int = 0
    unchanged: int = 0
    conflicts: tuple[RepoFailure, ...] = ()
    failed: tuple[RepoFailure, ...] = ()
    left: int = 0
    """Changes that were not tried, as the run ended early."""
    requests: int = 0
    """Requests to the Hub, those for making the plan included."""
    seconds: float = 0.0
    cancelled: bool = False
    cause: HubtoolsError | None = None
    revisions: Mapping[str, str] = field(default_factory=dict)
    """The commits that changed repositories are at now, by id."""

    def error(self) -> HubtoolsError | None:
        """The error to end with; None when everything is done.

        PartlyDoneError where a rerun does more, ConflictError where it would not; when nothing was
        applied at all, what stood in the way.
        """
        cause = self.cause or _common_cause(self.failed)
        if cause is not None and not self.applied:
            return cause
        if self.failed or self.left:
            what = f"{len(self.failed) + self.left:,} of {self._total:,} models are not done"
            return PartlyDoneError(what, fix=str(cause) if cause else "Run the same command again")
        if self.conflicts:
            return self._conflict()
        return None

    def raise_for_failure(self) -> None:
        """Raises CancelledError for a cancelled run, else `error()` where there is one."""
        if self.cancelled:
            raise CancelledError
        error = self.error()
        if error is not None:
            raise error

    def _conflict(self) -> ConflictError:
        if self._total == 1:
            (one,) = self.conflicts
            if isinstance(one.cause, ConflictError):
                return one.cause
            return ConflictError(one.error, where=one.repo, fix=_PULL)
        names = ", ".join(one.repo for one in self.conflicts[:3])
        more = ", …" if len(self.conflicts) > 3 else ""
        what = (
            f"{len(self.conflicts):,} of {self._total:,} models changed on the Hub: {names}{more}"
        )
        return ConflictError(what, fix=_PULL)

    @property
    def _total(self) -> int:
        done = self.applied + self.unchanged + self.left
        return done + len(self.conflicts) + len(self.failed)


def _common_cause(failed: Sequence[RepoFailure]) -> HubtoolsError | None:
    """The cause of all failures, where they all end a command in the same way."""
    causes = [one.cause for one in failed if one.cause is not None]
    same = len(causes) == len(failed) and len({cause.exit_code for cause in causes}) == 1
    return causes[0] if same and causes else None


class _Outcomes:
    def __init__(self, plan: Plan, cache: StateCache) -> None:
        self.cache = cache
        self.revisions: dict[str, str] = {}
        self.conflicts = [RepoFailure(c.repo, c.reason) for c in plan.of("conflict")]
        self.failed: list[RepoFailure] = []
        self.cause: HubtoolsError | None = None
        self.begun = 0
        self._late = 0
        self._refusals = 0

    @property
    def settled(self) -> int:
        """How many of the changes are over, well or badly."""
        return len(self.revisions) + len(self.failed) + self._late

    @property
    def detail(self) -> str:
        counts = [(len(self.failed), "failed"), (self._late, "in conflict")]
        return ", ".join(f"{number} {what}" for number, what in counts if number)

    def settle(self, request: CommitRequest, future: Future[str]) -> None:
        change = request.change
        try:
            revision = future.result()
        except CancelledError:
            self.begun -= 1
        except ConflictError as error:
            self._late += 1
            self.conflicts.append(RepoFailure(change.repo, error.what, error))
            self.cache.forget([change.repo])
        except Exception as error:  # noqa: BLE001 - one model must not end the others
            self.fail(change, error)
        else:
            self._refusals = 0
            self.revisions[change.repo] = revision
            if change.files:
                files = {path: f"sha256:{d.sha256}" for path, d in request.desired.files.items()}
                self.cache.save_observed({change.repo: Observed(revision, files)})

    def fail(self, change: Change, error: Exception) -> None:
        cause = error if isinstance(error, HubtoolsError) else None
        self.failed.append(RepoFailure(change.repo, _one_line(error, change.repo), cause))
        refused = isinstance(error, AccessError | HubUnavailableError)
        self._refusals = self._refusals + 1 if refused else 0
        if self._refusals >= _MAX_REFUSALS:
            self.cause = cause


def _one_line(error: Exception, repo: str) -> str:
    if isinstance(error, HubtoolsError) and error.where == repo:
        text = f"{error.what}. {error.fix}" if error.fix else error.what
    elif isinstance(error, HubtoolsError | OSError):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(text.split())


def apply_plan(
    plan: Plan,
    build: Callable[[Change], CommitRequest],
    hub: HubClient,
    cache: StateCache,
    reporter: Reporter,
) -> ApplyResult:
    """Apply the creations, updates and retirements of `plan`, and nothing else.

    `build` reads what a change sends, and raises HubtoolsError when it is not what was planned.
    Each change is in `cache` when it is done. A run that is cancelled, or refused five times in a
    row, ends after the requests in flight; a rerun does what is left.
    """
    changes, started = plan.pending, time.monotonic()
    run = _Outcomes(plan, cache)
    hub.transport.pacer.expect("api", sum(expected_requests(change) for change in changes))
    with _no_client_bars(), reporter.task("Publishing", len(changes)) as bar:
        _apply_all(changes, build, hub, run, bar)
    return ApplyResult(
        applied=len(run.revisions),
        unchanged=len(plan.of("unchanged")),
        conflicts=tuple(sorted(run.conflicts, key=lambda one: one.repo)),
        failed=tuple(sorted(run.failed, key=lambda one: one.repo)),
        left=len(changes) - run.begun,
        requests=len(hub.transport.sent),
        seconds=round(time.monotonic() - started, 3),
        cancelled=hub.transport.cancel.cancelled,
        cause=run.cause,
        revisions=run.revisions,
    )


def _apply_all(
    changes: Sequence[Change],
    build: Callable[[Change], CommitRequest],
    hub: HubClient,
    run: _Outcomes,
    bar: Task,
) -> None:
    """Cards are rendered here, one by one; threads only wait for the Hub."""
    pending: dict[Future[str], CommitRequest] = {}
    with ThreadPoolExecutor(CONCURRENCY) as pool:
        for change in changes:
            while len(pending) >= _MAX_PENDING or any(future.done() for future in pending):
                _collect(pending, run, hub, bar)
            if hub.transport.cancel.cancelled or run.cause is not None:
                break
            run.begun += 1
            try:
                request = build(change)
            except (HubtoolsError, OSError) as error:
                run.fail(change, error)
                continue
            pending[pool.submit(apply_change, hub, request)] = request
        while pending:
            _collect(pending, run, hub, bar)


def _collect(
    pending: dict[Future[str], CommitRequest], run: _Outcomes, hub: HubClient, bar: Task
) -> None:
    """Settle what is done, after a moment where nothing is."""
    for future in wait(pending, timeout=_TICK, return_when=FIRST_COMPLETED).done:
        run.settle(pending.pop(future), future)
    if run.cause is not None:
        for future in [future for future in pending if future.cancel()]:
            del pending[future]
            run.begun -= 1
    bar.advance(run.settled, _detail(run, hub))


def _detail(run: _Outcomes, hub: HubClient) -> str:
    if hub.transport.cancel.cancelled or run.cause is not None:
        return "waiting for the requests in flight"
    seconds = hub.transport.pacer.seconds_closed("api")
    waiting = f"waiting {seconds:.0f} s for the rate limit" if seconds >= _LONG else ""
    return ", ".join(part for part in (run.detail, waiting) if part)


@contextmanager
def _no_client_bars() -> Iterator[None]:
    """Keep the client from drawing bars of its own, one for each model at once."""
    if HF_HUB_DISABLE_PROGRESS_BARS is not None or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
