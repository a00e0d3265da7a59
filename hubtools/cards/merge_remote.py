"""A three-way merge of a README that a person edited on the Hub into its card.

The three texts are what we rendered last (`base`), what is on the Hub (`remote`), and what we would
render now (`local`). Front matter is compared as data, so another order or quoting is no change:
what changed goes to the card's fields or to `[metadata]`. Text that was added anywhere, or changed
where the card's prose is, goes to the prose. Where both sides changed the same thing, and where
generated text changed, a person has to decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from difflib import SequenceMatcher
from typing import Any

from hubtools.cards.card import Card
from hubtools.cards.importing import import_readme, parts_of
from hubtools.cards.metadata import split_modelled

_ABOUT_THE_FILE = frozenset({"repo", "state", "body", "prose", "pulled", "metadata", "comments"})
_DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in fields(Card)}
_FIELDS_OF_KEYS = {"widget": "prompt"}


@dataclass(frozen=True, slots=True)
class MergeResult:
    """A card with an edit merge."""

    card: Card
    unresolved: tuple[str, ...] = ()
    """What could not be merged, a line each."""


@dataclass(frozen=True, slots=True)
class _Readme:
    data: Mapping[str, Any]
    comments: tuple[str, ...]
    body: str
    prose: str | None
    """The prose of the card that it was rendered from, where it says so."""


@dataclass(slots=True)
class _Merge:
    card: Card
    unresolved: list[str] = field(default_factory=list)


def merge_remote(
    card: Card, base: str | None, remote: str, local: str, *, pulled: str | None = None
) -> MergeResult:
    """`card` with what a person changed between `base` and `remote`.

    `base` None is for a README that was never ours: the card then gets what it lacks. `pulled` is
    what `base` had become at the last merge: those edits are in the card, and not merge again.
    Raises CardError for front matter that cannot be read.
    """
    if base is None:
        return _fill(card, import_readme(remote, repo=card.repo))
    before, now, ours = _parts(base), _parts(remote), _parts(local)
    last = before if pulled is None else _parts(pulled)
    merge = _Merge(card)
    _merge_front_matter(merge, last.data, now.data, ours.data)
    added = tuple(c for c in now.comments if c not in last.comments)
    kept = tuple(c for c in merge.card.comments if c in now.comments or c not in last.comments)
    comments = (*kept, *(c for c in added if c not in kept))
    merge.card = replace(merge.card, comments=comments)
    _merge_body(merge, before, last, now)
    return MergeResult(merge.card, tuple(merge.unresolved))


def keep_remote(card: Card, remote: str) -> Card:
    """The card of a README that stays as a person left it, with the facts of `card`."""
    read = import_readme(remote, repo=card.repo)
    facts = {
        name: getattr(card, name)
        for name in ("state", "accounts", "handles", "runs", "training", "evaluation")
    }
    prose = _parts(remote).body
    return replace(read, body="own", prose=prose, predictions=card.predictions, **facts)


def _parts(text: str) -> _Readme:
    _, data, comments, embedded, body = parts_of(text)
    prose = embedded.card.prose if embedded else None
    return _Readme(data, comments, body.strip("\n"), prose)


def _fill(card: Card, read: Card) -> MergeResult:
    unresolved: list[str] = []
    new: dict[str, Any] = {}
    for one in (f.name for f in fields(Card) if f.name not in _ABOUT_THE_FILE):
        ours, theirs = getattr(card, one), getattr(read, one)
        if theirs == ours or theirs == _DEFAULTS[one]:
            continue
        if ours == _DEFAULTS[one]:
            new[one] = theirs
        else:
            unresolved.append(f"{one}: the card and the Hub differ")
    metadata = {**read.metadata, **card.metadata}
    unresolved += [
        f"[metadata] {key}: the card and the Hub differ"
        for key in read.metadata
        if metadata[key] != read.metadata[key]
    ]
    if read.prose is not None and read.prose != card.prose:
        unresolved.append("the text was not rendered from a card")
    new["comments"] = card.comments or read.comments
    return MergeResult(replace(card, metadata=metadata, **new), tuple(unresolved))


def _merge_front_matter(
    merge: _Merge, base: Mapping[str, Any], remote: Mapping[str, Any], local: Mapping[str, Any]
) -> None:
    for key in dict.fromkeys((*base, *remote)):
        was, now, ours = base.get(key), remote.get(key), local.get(key)
        if now in (was, ours):
            continue
        if key == "tags" and all(isinstance(tags, list | None) for tags in (was, now, ours)):
            _merge_tags(merge, was or [], now or [], ours or [])
        elif ours != was:
            merge.unresolved.append(f"{key}: both the Hub and the card changed it")
        elif now is None:
            _remove(merge, key)
        else:
            modelled, rest = split_modelled({key: now})
            metadata = {k: v for k, v in merge.card.metadata.items() if k != key or k in rest}
            merge.card = replace(merge.card, metadata={**metadata, **rest}, **modelled)


def _merge_tags(merge: _Merge, was: Sequence[str], now: Sequence[str], ours: Sequence[str]) -> None:
    kept = [tag for tag in ours if tag in now or tag not in was]
    tags = tuple(dict.fromkeys([*kept, *(tag for tag in now if tag not in was)]))
    if "tags" in merge.card.metadata:
        metadata = {**merge.card.metadata, "tags": list(tags)}
        merge.card = replace(merge.card, metadata=metadata)
    else:
        merge.card = replace(merge.card, tags=tags)


def _remove(merge: _Merge, key: str) -> None:
    card, name = merge.card, _FIELDS_OF_KEYS.get(key, key)
    if key in card.metadata:
        metadata = {k: v for k, v in card.metadata.items() if k != key}
        merge.card = replace(card, metadata=metadata)
    elif key in ("language", "tags", "thumbnail") and getattr(card, name) != _DEFAULTS[name]:
        merge.card = replace(card, **{name: _DEFAULTS[name]})
    else:
        merge.unresolved.append(f"{key}: removed on the Hub, but made from the card")


def _merge_body(merge: _Merge, base: _Readme, last: _Readme, remote: _Readme) -> None:
    if last.body == remote.body:
        return
    if merge.card.body == "own":
        _merge_prose(merge, last.body, remote.body)
        return
    before, _ = _prose_in(base, last)
    now, changed = _prose_in(base, remote)
    merge.unresolved += [f"generated text was changed: {line[:60]!r}" for line in changed]
    _merge_prose(merge, before, now)


def _prose_in(base: _Readme, edited: _Readme) -> tuple[str, list[str]]:
    """What the prose of `base` became in `edited`, and generated lines that were changed."""
    before, now = base.body.split("\n"), edited.body.split("\n")
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
    filled = [i for i in changed if lines[i].strip()]
    return bool(filled) and all(i in region for i in filled)


def _region(lines: Sequence[str], prose: str | None) -> range | None:
    if not prose:
        return None
    searched = prose.split("\n")
    for start in range(len(lines) - len(searched), -1, -1):
        if list(lines[start : start + len(searched)]) == searched:
            return range(start, start + len(searched))
    return None


def _tidy(lines: Sequence[str]) -> str:
    """Lines as text, without more than one blank line between two others."""
    kept = [line for n, line in enumerate(lines) if line.strip() or (n and lines[n - 1].strip())]
    return "\n".join(kept).strip("\n")


def _merge_prose(merge: _Merge, base: str, remote: str) -> None:
    mine = merge.card.prose or ""
    text = merge_text(base, mine, remote)
    if text is None:
        merge.unresolved.append("both the Hub and the card changed the prose")
    else:
        merge.card = replace(merge.card, prose=text.strip("\n") or None)


def merge_text(base: str, mine: str, theirs: str) -> str | None:
    """The lines of `base` with both changes; None where they change the same lines differently."""
    if mine in (base, theirs):
        return theirs
    if theirs == base:
        return mine
    for one, other in ((mine, theirs), (theirs, mine)):
        added = _added_below(base, other)
        if added is not None:
            return one if f"\n{one}".endswith(f"\n{added}") else _paragraphs(one, added)
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
    if base and not text.startswith(f"{base}\n"):
        return None
    return text[len(base) :].strip("\n")


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _edits(base: Sequence[str], changed: Sequence[str]) -> list[tuple[int, int, tuple[str, ...]]]:
    opcodes = SequenceMatcher(None, base, changed, autojunk=False).get_opcodes()
    return [(i1, i2, tuple(changed[j1:j2])) for tag, i1, i2, j1, j2 in opcodes if tag != "equal"]
