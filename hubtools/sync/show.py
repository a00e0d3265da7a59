"""A plan for people: as text, and as Markdown for a pull request."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from hubtools.sync.plan import ACTIONS, Action, Change, Plan

FEW = 30
"""Changes of one kind that are listed one by one."""
_MARKS: Mapping[Action, str] = {
    "create": "+", "update": "~", "retire": "-", "conflict": "!", "extra": "?", "unchanged": "=",
}  # fmt: skip
_QUIET: tuple[Action, ...] = ("unchanged", "extra")
_MOST_MARKDOWN = 60_000  # characters; a comment on GitHub takes 65,536


def summary(plan: Plan) -> str:
    """One line of counts."""
    counts = [f"{number:,} {action}" for action, number in plan.counts.items() if number]
    return f"{plan.namespace} on {plan.to}: {', '.join(counts) or 'no cards'}"


def table(plan: Plan, *, most: int = FEW, actions: tuple[Action, ...] = ACTIONS) -> Iterator[str]:
    """A line for each change that is worth one, the first `most` of each kind, and the counts."""
    for action in actions:
        changes = plan.of(action)
        shown = changes if action not in _QUIET else changes[: most if most > FEW else 0]
        width = max((len(change.repo) for change in shown[:most]), default=0)
        for change in shown[:most]:
            yield f"  {_MARKS[action]} {action:<9} {change.repo:<{width}}  {change.reason}"
        if len(shown) > most:
            yield f"    … and {len(shown) - most:,} more (-v lists all)"
    yield summary(plan)


def markdown(plan: Plan) -> str:
    """The plan for a pull request; names stand in code spans, so that nobody is notified."""
    rows = [
        f"| {_MARKS[c.action]} {c.action} | {_code(c.repo)} | {_cell(c.reason)} |"
        for action in ACTIONS
        if action not in _QUIET
        for c in plan.of(action)
    ]
    counts = ", ".join(f"**{n:,}** {action}" for action, n in plan.counts.items() if n)
    head = f"### hubtools plan for {_code(plan.namespace)}\n\n{counts or 'No cards.'}\n"
    if not rows:
        return f"{head}\nNothing would change.\n"
    head += "\n| | Model | Why |\n| --- | --- | --- |\n"
    taken, room = 0, _MOST_MARKDOWN - len(head)
    while taken < len(rows) and (room := room - len(rows[taken]) - 1) > 0:
        taken += 1
    rest = f"\n… and {len(rows) - taken:,} more.\n" if taken < len(rows) else ""
    return head + "\n".join(rows[:taken]) + "\n" + rest


def readme_diff(change: Change, there: str, here: str) -> str:
    """What `change` would do to the README, as a unified diff."""
    lines = difflib.unified_diff(
        there.splitlines(), here.splitlines(), f"{change.repo} on the Hub", "here", lineterm="", n=2
    )
    return "\n".join(lines)


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("@", "@\u200b").replace("<", "&lt;")
