"""A plan: what `apply` changes on a Hub, and why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["create", "update", "unchanged", "conflict", "retire", "extra"]
"""`extra` is a repository that no card manages."""
ACTIONS: tuple[Action, ...] = ("create", "update", "retire", "conflict", "extra", "unchanged")
"""In the order of interest."""
APPLIED_ACTIONS: tuple[Action, ...] = ("create", "update", "retire")
QUIET_ACTIONS: tuple[Action, ...] = ("unchanged", "extra")
MARKS: Mapping[Action, str] = {
    "create": "+", "update": "~", "retire": "-", "conflict": "!", "extra": "?", "unchanged": "=",
}  # fmt: skip
_FENCE = re.compile(r"`{3,}")
_MAX_MARKDOWN = 60_000  # characters; a comment on GitHub takes 65,536


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one repository."""

    repo: str
    action: Action
    reason: str
    revision: str | None
    """The commit that the plan is based on; None where there is no repository."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The SHA-256 of each file to send, by path."""

    @property
    def name(self) -> str:
        return self.repo.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes that would bring a namespace in line with the cards."""

    to: str
    namespace: str
    changes: tuple[Change, ...]
    """Sorted by repository."""
    requests: int = 0
    """Requests it took to make the plan."""
    full: bool = True
    """Whether it covers all cards, or only those that were named."""

    def of(self, *actions: Action) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.action in actions)

    @property
    def pending(self) -> tuple[Change, ...]:
        return self.of(*APPLIED_ACTIONS)

    @property
    def counts(self) -> Mapping[Action, int]:
        found = Counter(change.action for change in self.changes)
        return {action: found[action] for action in ACTIONS}

    def to_markdown(self, diffs: Iterable[tuple[str, str]] = ()) -> str:
        """The plan for a pull request; names are in code spans, so nobody is notified.

        `diffs` are repositories with the diff of their README; as many are shown as fit.
        """
        rows = [
            f"| {MARKS[c.action]} {c.action} | {_code(c.repo)} | {_cell(c.reason)} |"
            for action in ACTIONS
            if action not in QUIET_ACTIONS
            for c in self.of(action)
        ]
        counts = ", ".join(f"**{n:,}** {action}" for action, n in self.counts.items() if n)
        head = f"### hubtools plan for {_code(self.namespace)}\n\n{counts or 'No cards.'}\n"
        if not rows:
            return f"{head}\nNothing would change.\n"
        head += "\n| | Model | Why |\n| --- | --- | --- |\n"
        shown, space = 0, _MAX_MARKDOWN - len(head)
        while shown < len(rows) and (space := space - len(rows[shown]) - 1) > 0:
            shown += 1
        more = f"\n… and {len(rows) - shown:,} more.\n" if shown < len(rows) else ""
        return head + "\n".join(rows[:shown]) + "\n" + more + "".join(_folded(diffs, space))

    def _repr_markdown_(self) -> str:
        return self.to_markdown()


def _folded(diffs: Iterable[tuple[str, str]], space: int) -> Iterator[str]:
    for repo, diff in diffs:
        fence = "`" * (max(map(len, _FENCE.findall(diff)), default=2) + 1)
        text = (
            f"\n<details><summary><code>{repo}</code></summary>\n\n"
            f"{fence}diff\n{diff}\n{fence}\n\n</details>\n"
        )
        space -= len(text)
        if space < 0:
            yield "\nThe other diffs do not fit here. Run `hubtools plan -v` to see them.\n"
            return
        yield text


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("@", "@\u200b").replace("<", "&lt;")
