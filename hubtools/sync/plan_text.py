"""A plan for a terminal: a line for each change, and the diffs of READMEs."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from hubtools.sync.plan import ACTIONS, MARKS, QUIET_ACTIONS, Action, Change, Plan

FEW = 30
"""Changes of one kind that are listed one by one."""
_VISIBLE = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0)), 0x2421),
}
"""Control characters as the pictures that Unicode has of them."""


def summary(plan: Plan) -> str:
    counts = [f"{number:,} {action}" for action, number in plan.counts.items() if number]
    return f"{plan.namespace} on {plan.to}: {', '.join(counts) or 'no cards'}"


def table(plan: Plan, *, most: int = FEW, actions: tuple[Action, ...] = ACTIONS) -> Iterator[str]:
    """A line for each change of interest, the first `most` of each kind, and the counts."""
    for action in actions:
        changes = plan.of(action)
        listed = changes if action not in QUIET_ACTIONS else changes[: most if most > FEW else 0]
        width = max((len(change.repo) for change in listed[:most]), default=0)
        for change in listed[:most]:
            yield f"  {MARKS[action]} {action:<9} {change.repo:<{width}}  {change.reason}"
        if len(listed) > most:
            yield f"    … and {len(listed) - most:,} more (-v lists all)"
    yield summary(plan)


def readme_diff(change: Change, remote: str, local: str) -> str:
    """What `change` would do to the README, as a unified diff."""
    return unified_diff(remote, local, f"{change.repo} on the Hub", "here")


def unified_diff(before: str, after: str, name_before: str, name_after: str) -> str:
    """A unified diff in which control characters, which could steer a terminal, are drawn."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name_before, name_after, lineterm="", n=2
    )
    return "\n".join(lines).translate(_VISIBLE)
