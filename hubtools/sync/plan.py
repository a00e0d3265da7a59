"""What would change on a Hub, and why: a pure function of what should be there and what is.

A repository is only ever changed where it is known that nobody's work is lost: a file that
somebody else changed makes its repository a conflict, until `pull` has brought the change home.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hubtools.core.errors import PolicyError, UsageError

Action = Literal["create", "update", "unchanged", "conflict", "retire", "extra"]
ACTIONS: tuple[Action, ...] = ("create", "update", "retire", "conflict", "extra", "unchanged")
"""In the order in which people want to read of them."""
CARRIED_OUT: frozenset[Action] = frozenset({"create", "update", "retire"})
README = "README.md"
SPACES = "spaces/"
"""What the ids of Spaces begin with here, as their addresses do; all others are of models."""
SMALL_FLEET = 20
"""Models up to which a limit in percent does not hold: a tenth of three is nothing."""
_NAMED = 6
GIT_ATTRIBUTES = ".gitattributes"


@dataclass(frozen=True, slots=True)
class Digest:
    """The two names that a Hub has for a file's content."""

    sha256: str
    git: str
    """Git's SHA-1 of a blob, by which listings name files that are not in LFS."""

    def fits(self, there: str | None) -> bool:
        """Whether `there`, written `sha256:…` or `git:…`, names the same content."""
        return there in (f"sha256:{self.sha256}", f"git:{self.git}")


@dataclass(frozen=True, slots=True)
class Desired:
    """What one card says should be on the Hub. A card with a model's folder has its files too."""

    name: str
    retired: bool
    files: Mapping[str, Digest]

    @property
    def alone(self) -> bool:
        """Whether the card is all: files on the Hub that are not here are left as they are."""
        return self.files.keys() == {README}


@dataclass(frozen=True, slots=True)
class Head:
    """A repository as the listing of its owner tells of it."""

    repo_id: str
    sha: str
    private: bool = False

    @property
    def name(self) -> str:
        return self.repo_id.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the files of a repository at `head`."""

    head: str
    files: Mapping[str, str]
    """By path, `sha256:…` or `git:…`. All files, or the README alone where the card is alone."""
    edited: frozenset[str] = frozenset()
    """Those whose content is neither our work nor in the card already."""
    unreadable: str | None = None
    """Why nothing is known of it, where it could not be read."""


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one repository."""

    repo: str
    action: Action
    reason: str
    head: str | None
    """The commit that the plan saw; None where there is no repository."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of each file that would be sent, by its path."""

    @property
    def name(self) -> str:
        return self.repo.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Plan:
    """What `apply` carries out."""

    to: str
    namespace: str
    changes: tuple[Change, ...]
    """By repository."""
    requests: int = 0
    """What finding out has cost."""
    whole: bool = True
    """Whether it is of all cards, or of those that were named."""

    def of(self, *actions: Action) -> tuple[Change, ...]:
        """The changes with these actions."""
        return tuple(change for change in self.changes if change.action in actions)

    def _repr_markdown_(self) -> str:
        """How notebooks show a plan."""
        from hubtools.sync.plan_text import markdown

        return markdown(self)

    @property
    def counts(self) -> Mapping[Action, int]:
        """How many changes each action has, all actions named."""
        found = Counter(change.action for change in self.changes)
        return {action: found[action] for action in ACTIONS}


@dataclass(frozen=True, slots=True)
class Remote:
    """What is on the Hub: heads and what is known of their files, by the repositories' names."""

    heads: Mapping[str, Head]
    seen: Mapping[str, Seen]
    before: Mapping[str, str] = field(default_factory=dict)
    """The heads that an earlier run left, by name."""


def make_changes(
    wanted: Iterable[Desired], remote: Remote, namespace: str, *, whole: bool = True
) -> tuple[Change, ...]:
    """One change for each card and, when `whole`, one for each repository without a card.

    Every wanted repository that is there must be in `remote.seen` at its present head.
    """
    by_name = {one.name: one for one in wanted}
    known = {name.casefold() for name in by_name}
    spelt = {name.casefold(): name for name in remote.heads}
    extra = [head for name, head in remote.heads.items() if name.casefold() not in known]
    strays = {head.sha: head for head in extra}
    changes = [_change(one, remote, namespace, spelt, strays) for one in by_name.values()]
    if whole:
        changes += [
            Change(head.repo_id, "extra", "has no card here, and is left alone", head.sha)
            for head in extra
        ]
    return tuple(sorted(changes, key=lambda change: change.repo))


def _change(
    one: Desired,
    remote: Remote,
    namespace: str,
    spelt: Mapping[str, str],
    strays: Mapping[str, Head],
) -> Change:
    repo = f"{namespace}/{one.name}"
    head = remote.heads.get(one.name)
    if head is not None:
        return _present(one, repo, head, remote.seen[one.name])
    other = spelt.get(one.name.casefold())
    if other is not None:
        reason = f"is called {other} on the Hub: say repo = {other!r} in the card"
        return Change(repo, "conflict", reason, remote.heads[other].sha)
    return _absent(one, repo, remote.before.get(one.name), strays)


def _absent(one: Desired, repo: str, before: str | None, strays: Mapping[str, Head]) -> Change:
    """`strays` are the repositories without a card, by their heads: one may be ours, renamed."""
    moved = strays.get(before) if before else None
    if moved is not None and not (one.retired and moved.private):
        reason = f"was renamed to {moved.name} on the Hub: rename the card, or rename it back"
        return Change(repo, "conflict", reason, moved.sha)
    if one.retired:
        return Change(repo, "unchanged", "is retired, and not on the Hub", None)
    reason = "was removed from the Hub since we left it" if before else "is not on the Hub"
    return Change(repo, "create", reason, None, _sent(one, one.files))


def _present(one: Desired, repo: str, head: Head, seen: Seen) -> Change:
    assert seen.head == head.sha, f"{repo} was looked at as it was at another commit"
    if seen.unreadable is not None:
        if one.retired:
            return _retired(one, repo, head, [])
        return Change(repo, "conflict", seen.unreadable, head.sha)
    changed = [path for path, digest in one.files.items() if not digest.fits(seen.files.get(path))]
    edited = sorted(seen.edited.intersection(changed))
    if one.retired:
        return _retired(one, repo, head, [] if edited else changed)
    if edited:
        return Change(repo, "conflict", _clash(one, repo, edited), head.sha)
    if not changed:
        return Change(repo, "unchanged", "is as it should be", head.sha)
    if not seen.files.keys() - {GIT_ATTRIBUTES}:
        return Change(repo, "create", "is there and empty", head.sha, _sent(one, changed))
    verb = "is" if len(changed) == 1 else "are"
    reason = f"{_listed(sorted(changed))} {verb} not as here"
    return Change(repo, "update", reason, head.sha, _sent(one, changed))


def _clash(one: Desired, repo: str, edited: list[str]) -> str:
    verb = "was" if len(edited) == 1 else "were"
    said = f"{_listed(edited)} {verb} changed on the Hub by someone else"
    if edited == [README] and not repo.startswith(SPACES):
        return f"{said}: hubtools pull {one.name}"
    return f"{said}, where nothing of it is overwritten: take it away there, or use another name"


def _retired(one: Desired, repo: str, head: Head, changed: list[str]) -> Change:
    if head.private and not changed:
        return Change(repo, "unchanged", "is retired", head.sha)
    reason = "becomes private" if not head.private else "its card says that it is retired"
    return Change(repo, "retire", reason, head.sha, _sent(one, changed))


def _sent(one: Desired, paths: Iterable[str]) -> dict[str, str]:
    return {path: one.files[path].sha256 for path in sorted(paths)}


def _listed(paths: list[str]) -> str:
    return ", ".join(paths[:_NAMED]) + (
        f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    )


@dataclass(frozen=True, slots=True)
class ChangeLimit:
    """How many models one run may update or retire.

    Raises UsageError for what is neither a number nor a percentage.
    """

    said: str
    """A number, or a percentage of all models like `10%`."""
    asked: bool = False
    """Whether a person asked for it just now; else percentages hold for larger fleets only."""

    def __post_init__(self) -> None:
        number = self._number
        if not (number.isascii() and number.isdigit()):
            raise UsageError(
                f"{self.said!r} is no limit",
                where="--max-changes" if self.asked else "[hub] max_changes",
                fix="Give a number, or one with %",
            )

    def check(self, plan: Plan, fleet: int) -> None:
        """Raises PolicyError when `plan` updates or retires more of `fleet` models."""
        most = self._most(fleet)
        updates = len(plan.of("update", "retire"))
        if most is not None and updates > most:
            share = f" ({self.said} of {fleet:,})" if self._is_share else ""
            raise PolicyError(
                f"{updates:,} models would be updated or retired, and the limit is {most:,}{share}",
                where=f"{plan.namespace} on {plan.to}",
                fix="Nothing was sent. Look at the plan, and allow it with "
                f"--max-changes {updates} if it is right",
            )

    @property
    def _is_share(self) -> bool:
        return self.said.strip().endswith("%")

    @property
    def _number(self) -> str:
        return self.said.strip().removesuffix("%").strip()

    def _most(self, fleet: int) -> int | None:
        if not self._is_share:
            return int(self._number)
        if fleet <= SMALL_FLEET and not self.asked:
            return None
        return fleet * int(self._number) // 100


def change_limit(asked: str | int | None, configured: str | int) -> ChangeLimit:
    """The limit that a person `asked` for, else the configured one. Raises UsageError for none."""
    return ChangeLimit(str(configured)) if asked is None else ChangeLimit(str(asked), asked=True)
