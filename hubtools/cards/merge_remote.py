"""Bringing an edit home: what a person changed in a README, as changes to its card.

Three texts meet: what we rendered last (`base`), what is on the Hub (`there`), and what we would
render now (`here`). Front matter is compared as data, so that another order or quoting is no
change: what was changed there goes to the card's fields or to `[metadata]`. Text that was added
anywhere, or changed where the card's prose stands, goes to the prose. Where the same thing was
changed there and here, and where generated text was changed, a person has to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import SequenceMatcher
from typing import Any

from hubtools.cards.card import Card
from hubtools.cards.frontmatter import read_front_matter
from hubtools.cards.importing import import_readme
from hubtools.cards.metadata import split_modelled
from hubtools.cards.render import unsealed
from hubtools.cards.round_trip import extract

_ABOUT_THE_FILE = frozenset({"repo", "state", "body", "prose", "pulled", "metadata", "comments"})
_DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in fields(Card)}
_FIELDS_OF_KEYS = {"widget": "prompt"}


@dataclass(frozen=True, slots=True)
class Home:
    """A card with an edit in it."""

    card: Card
    undecided: tuple[str, ...] = ()
    """What could not be brought home, a line each."""


@dataclass(frozen=True, slots=True)
class _Readme:
    """A README in parts, without what we add for machines."""

    data: Mapping[str, Any]
    comments: tuple[str, ...]
    body: str
    prose: str | None
    """The prose of the card that it was rendered from, where it says so."""


@dataclass(slots=True)
class _Merged:
    """A card as it changes, and what a person has to decide."""

    card: Card
    undecided: list[str] = field(default_factory=list)


def bring_home(
    card: Card, base: str | None, there: str, here: str, *, pulled: str | None = None
) -> Home:
    """`card` with what a person changed between `base` and `there`.

    `base` None is for a README that was never ours: the card then gets what it does not say yet.
    `pulled` is what `base` had become when its edits were brought home before: they are in the
    card, and not brought a second time. Raises CardError for front matter that cannot be read.
    """
    if base is None:
        return _fill(card, import_readme(there, repo=card.repo))
    before, now, ours = _parts(base), _parts(there), _parts(here)
    known = before if pulled is None else _parts(pulled)
    merged = _Merged(card)
    _merge_front_matter(merged, known.data, now.data, ours.data)
    added = tuple(c for c in now.comments if c not in known.comments)
    kept = tuple(c for c in merged.card.comments if c in now.comments or c not in known.comments)
    comments = (*kept, *(c for c in added if c not in kept))
    merged.card = replace(merged.card, comments=comments)
    _merge_body(merged, before, known, now)
    return Home(merged.card, tuple(merged.undecided))


def as_its_own(card: Card, there: str) -> Card:
    """The card of a README that is kept as a person left it, with the facts of `card`."""
    read = import_readme(there, repo=card.repo)
    facts = {
        name: getattr(card, name)
        for name in ("state", "accounts", "handles", "runs", "training", "evaluation")
    }
    prose = _parts(there).body
    return replace(read, body="own", prose=prose, predictions=card.predictions, **facts)


def _parts(text: str) -> _Readme:
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    data, comments, rest = read_front_matter(unsealed(plain))
    embedded, body = extract(rest)
    prose = embedded.card.prose if embedded else None
    return _Readme(data, comments, body.strip("\n"), prose)


def _fill(card: Card, read: Card) -> Home:
    """What `read` says and `card` does not."""
    undecided: list[str] = []
    new: dict[str, Any] = {}
    for one in (f.name for f in fields(Card) if f.name not in _ABOUT_THE_FILE):
        here, there = getattr(card, one), getattr(read, one)
        if there == here or there == _DEFAULTS[one]:
            continue
        if here == _DEFAULTS[one]:
            new[one] = there
        else:
            undecided.append(f"{one}: the card and the Hub say different things")
    metadata = {**read.metadata, **card.metadata}
    undecided += [
        f"[metadata] {key}: the card and the Hub say different things"
        for key in read.metadata
        if metadata[key] != read.metadata[key]
    ]
    if read.prose is not None and read.prose != card.prose:
        undecided.append("the text was not made from a card")
    new["comments"] = card.comments or read.comments
    return Home(replace(card, metadata=metadata, **new), tuple(undecided))


def _merge_front_matter(
    merged: _Merged, base: Mapping[str, Any], there: Mapping[str, Any], here: Mapping[str, Any]
) -> None:
    for key in dict.fromkeys((*base, *there)):
        was, now, ours = base.get(key), there.get(key), here.get(key)
        if now in (was, ours):
            continue
        if key == "tags" and all(isinstance(tags, list | None) for tags in (was, now, ours)):
            _merge_tags(merged, was or [], now or [], ours or [])
        elif ours != was:
            merged.undecided.append(f"{key}: changed on the Hub and here")
        elif now is None:
            _remove(merged, key)
        else:
            modelled, rest = split_modelled({key: now})
            metadata = {k: v for k, v in merged.card.metadata.items() if k != key or k in rest}
            merged.card = replace(merged.card, metadata={**metadata, **rest}, **modelled)


def _merge_tags(
    merged: _Merged, was: Sequence[str], now: Sequence[str], ours: Sequence[str]
) -> None:
    kept = [tag for tag in ours if tag in now or tag not in was]
    tags = tuple(dict.fromkeys([*kept, *(tag for tag in now if tag not in was)]))
    if "tags" in merged.card.metadata:
        metadata = {**merged.card.metadata, "tags": list(tags)}
        merged.card = replace(merged.card, metadata=metadata)
    else:
        merged.card = replace(merged.card, tags=tags)


def _remove(merged: _Merged, key: str) -> None:
    """Take out of the card what was taken out of the front matter."""
    card, name = merged.card, _FIELDS_OF_KEYS.get(key, key)
    if key in card.metadata:
        metadata = {k: v for k, v in card.metadata.items() if k != key}
        merged.card = replace(card, metadata=metadata)
    elif key in ("language", "tags", "thumbnail") and getattr(card, name) != _DEFAULTS[name]:
        merged.card = replace(card, **{name: _DEFAULTS[name]})
    else:
        merged.undecided.append(f"{key}: was removed on the Hub, and is made from the card")


def _merge_body(merged: _Merged, base: _Readme, known: _Readme, there: _Readme) -> None:
    if known.body == there.body:
        return
    if merged.card.body == "own":
        _take_prose(merged, known.body, there.body)
        return
    before, _ = _prose_in(base, known)
    now, changed = _prose_in(base, there)
    merged.undecided += [
        f"text that is made from the card was changed: {line[:60]!r}" for line in changed
    ]
    _take_prose(merged, before, now)


def _prose_in(base: _Readme, there: _Readme) -> tuple[str, list[str]]:
    """What the prose of `base` became in `there`, and lines of ours that were changed."""
    before, now = base.body.split("\n"), there.body.split("\n")
    region = _region(before, base.prose)
    prose: list[str] = []
    added: list[str] = []
    changed: list[str] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if tag == "equal":
            prose += [before[i] for i in range(i1, i2) if region is not None and i in region]
        elif region is not None and _is_inside(before, range(i1, i2), region):
            prose += now[j1:j2]
        elif not any(line.strip() for line in before[i1:i2]):
            added += ["", *now[j1:j2], ""]
        else:
            changed.append(next(line for line in before[i1:i2] if line.strip()))
    return _paragraphs("\n".join(prose).strip("\n"), _tidy(added)), changed


def _is_inside(lines: Sequence[str], changed: range, region: range) -> bool:
    """Whether the change is one of the prose; blank lines around it may have gone with it."""
    if region.start <= changed.start and changed.stop <= region.stop:
        return True
    words = [i for i in changed if lines[i].strip()]
    return bool(words) and all(i in region for i in words)


def _region(lines: Sequence[str], prose: str | None) -> range | None:
    """Where the card's prose stands in the lines of a README."""
    wanted = (prose or "").split("\n")
    if not prose:
        return None
    for start in range(len(lines) - len(wanted), -1, -1):
        if list(lines[start : start + len(wanted)]) == wanted:
            return range(start, start + len(wanted))
    return None


def _tidy(lines: Sequence[str]) -> str:
    """Lines as text, without more than one blank line between two others."""
    kept = [line for n, line in enumerate(lines) if line.strip() or (n and lines[n - 1].strip())]
    return "\n".join(kept).strip("\n")


def _take_prose(merged: _Merged, base: str, there: str) -> None:
    mine = merged.card.prose or ""
    text = merge_text(base, mine, there)
    if text is None:
        merged.undecided.append("the prose was changed on the Hub and here")
    else:
        merged.card = replace(merged.card, prose=text.strip("\n") or None)


def merge_text(base: str, mine: str, theirs: str) -> str | None:
    """The lines of `base` with both changes; None where they change the same lines differently."""
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    for one, other in ((mine, theirs), (theirs, mine)):
        added = _added_below(base, other)
        if added is not None:
            return one if _ends_with(one, added) else _paragraphs(one, added)
    lines = base.split("\n")
    edits = sorted({*_edits(lines, mine.split("\n")), *_edits(lines, theirs.split("\n"))})
    merged: list[str] = []
    end = -1
    for start, stop, new in edits:
        if start <= end:
            return None
        merged += [*lines[max(end, 0) : start], *new]
        end = stop
    return "\n".join([*merged, *lines[end:]])


def _added_below(base: str, text: str) -> str | None:
    """What stands below `base` in `text`; None where it does not begin with it."""
    if base and not text.startswith(f"{base}\n"):
        return None
    return text[len(base) :].strip("\n")


def _ends_with(text: str, added: str) -> bool:
    return f"\n{text}".endswith(f"\n{added}")


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _edits(base: Sequence[str], changed: Sequence[str]) -> list[tuple[int, int, tuple[str, ...]]]:
    opcodes = SequenceMatcher(None, base, changed, autojunk=False).get_opcodes()
    return [(i1, i2, tuple(changed[j1:j2])) for tag, i1, i2, j1, j2 in opcodes if tag != "equal"]
