"""The difference between two versions of a file, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

MAX_BYTES = 200_000
"""Of each version; larger ones are not compared."""
_MAX_LINES = 2_000
_MAX_ROWS = 1_000
_MAX_WIDTH = 1_000  # characters of a line that are shown
_CONTEXT = 3


@dataclass(frozen=True, slots=True)
class DiffRow:
    """A line of the old version, the new one or both; `skip` stands for omitted lines."""

    kind: Literal["same", "added", "deleted", "skip"]
    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Diff:
    """The rows to show, and the total numbers of added and deleted lines."""

    rows: tuple[DiffRow, ...]
    added: int
    deleted: int
    cut: bool


def diff_texts(old: bytes, new: bytes) -> Diff | None:
    """The difference of two texts; None unless both are UTF-8 and short enough to compare."""
    before, after = _lines(old), _lines(new)
    if before is None or after is None:
        return None
    codes = SequenceMatcher(None, before, after).get_opcodes()
    changed = [code for code in codes if code[0] != "equal"]
    rows = list(_rows(before, after))
    return Diff(
        rows=tuple(rows[:_MAX_ROWS]),
        added=sum(code[4] - code[3] for code in changed),
        deleted=sum(code[2] - code[1] for code in changed),
        cut=len(rows) > _MAX_ROWS,
    )


def _lines(data: bytes) -> list[str] | None:
    if len(data) > MAX_BYTES or b"\0" in data:
        return None
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    if lines[-1] == "":
        lines.pop()
    return lines if len(lines) <= _MAX_LINES else None


def _rows(before: Sequence[str], after: Sequence[str]) -> Iterator[DiffRow]:
    seen = 0
    for group in SequenceMatcher(None, before, after).get_grouped_opcodes(_CONTEXT):
        if group[0][1] > seen:
            yield DiffRow("skip", None, None, f"{group[0][1] - seen} unchanged lines")
        for tag, old, old_end, new, new_end in group:
            if tag == "equal":
                for i in range(old_end - old):
                    yield DiffRow("same", old + i + 1, new + i + 1, _clip(before[old + i]))
                continue
            for i in range(old, old_end):
                yield DiffRow("deleted", i + 1, None, _clip(before[i]))
            for j in range(new, new_end):
                yield DiffRow("added", None, j + 1, _clip(after[j]))
        seen = group[-1][2]
    if seen and seen < len(before):
        yield DiffRow("skip", None, None, f"{len(before) - seen} unchanged lines")


def _clip(line: str) -> str:
    return line if len(line) <= _MAX_WIDTH else f"{line[:_MAX_WIDTH]} …"
