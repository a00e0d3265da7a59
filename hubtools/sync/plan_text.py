"""A plan for people: as text, and as Markdown for a pull request."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping

from hubtools.sync.plan import ACTIONS, Action, Change, Plan

FEW = 30
"""Changes of one kind that are listed one by one."""
_MARKS: Mapping[Action, str] = {
    "create": "+", "update": "~", "retire": "-", "conflict": "!", "extra": "?", "unchanged": "=",
}  # fmt: skip
_QUIET: tuple[Action, ...] = ("unchanged", "extra")
_DRAWN = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0)), 0x2421),
}
"""Control characters as the pictures that Unicode has of them."""
_TICKS = re.compile(r"`{3,}")
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


def markdown(plan: Plan, diffs: Iterable[tuple[str, str]] = ()) -> str:
    """The plan for a pull request; names stand in code spans, so that nobody is notified.

    `diffs` are repositories with what would change in their READMEs, of which as many are taken as
    there is room for.
    """
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
    return head + "\n".join(rows[:taken]) + "\n" + rest + "".join(_folded(diffs, room))


def _folded(diffs: Iterable[tuple[str, str]], room: int) -> Iterator[str]:
    for repo, diff in diffs:
        fence = "`" * (max(map(len, _TICKS.findall(diff)), default=2) + 1)
        text = (
            f"\n<details><summary><code>{repo}</code></summary>\n\n"
            f"{fence}diff\n{diff}\n{fence}\n\n</details>\n"
        )
        room -= len(text)
        if room < 0:
            yield "\nThere is no room for more diffs here: `hubtools plan -v` shows them.\n"
            return
        yield text


def readme_diff(change: Change, there: str, here: str) -> str:
    """What `change` would do to the README, as a unified diff."""
    return unified_diff(there, here, f"{change.repo} on the Hub", "here")


def unified_diff(before: str, after: str, name_before: str, name_after: str) -> str:
    """A unified diff for a terminal: control characters, which could steer it, are drawn."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), name_before, name_after, lineterm="", n=2
    )
    return "\n".join(lines).translate(_DRAWN)


def _code(text: str) -> str:
    return f"`{text.replace('`', '')}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("@", "@\u200b").replace("<", "&lt;")
