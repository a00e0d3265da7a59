"""From a README to its Card: our own, a huggingtweets card, or anybody's.

- Of our own the card comes back as it was, down to what the page does not show: it stands in a
  comment at the end. Where a person has edited the front matter since, the edit wins; where the
  text below it, that text becomes the card's prose, whole, and `body = "own"`.
- A huggingtweets card is read for its facts: see `hubtools.cards.legacy`.
- Of any other README what we model goes to the card's fields, the rest of the front matter to
  `[metadata]` (see `hubtools.cards.yaml_reader` for what becomes of YAML that TOML lacks), and the
  body is kept as it is, with `body = "own"`. Line ends become LF, and blank lines around the body
  go. Rendered again the keys that we model come first; all others keep their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubtools.cards.card import Card
from hubtools.cards.frontmatter import read_front_matter
from hubtools.cards.legacy import is_legacy, read_legacy
from hubtools.cards.metadata import front_matter, split_modelled
from hubtools.cards.render import is_sealed, unsealed
from hubtools.cards.round_trip import Embedded, extract, facts_of
from hubtools.core.errors import CardError, UsageError
from hubtools.core.readme import MAX_README
from hubtools.core.repo_names import check_repo_name

_README = "readme.md"
_OWN_PICTURE = "/resolve/main/predictions.png"


def import_readme(text: str, *, repo: str | None = None) -> Card:
    """The card that a README is of.

    `repo` is its repository's name, without the namespace; where it is None, the README itself
    must say it. Raises CardError for front matter that cannot be read or kept, with the line, and
    for a README of which nobody says the repository.
    """
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    data, comments, rest = read_front_matter(unsealed(plain))
    embedded, body = extract(rest)
    if embedded is not None:
        card = _our_own(embedded, data, body, edited=not is_sealed(plain))
        card = replace(card, repo=repo or card.repo)
    elif is_legacy(body):
        card = read_legacy(data, body, repo)
    elif repo is None:
        raise CardError("does not say which repository it is of", fix="Say it in the file's name")
    else:
        modelled, metadata = split_modelled(data)
        card = Card(repo=repo, body="own", metadata=metadata, prose=_prose(body), **modelled)
    try:
        check_repo_name(card.repo)
    except UsageError as error:
        raise CardError(error.what, fix=error.fix) from error
    return replace(card, comments=comments)


def import_paths(paths: Iterable[Path]) -> Iterator[tuple[Path, Card | CardError]]:
    """The card of each file; of a folder, the cards of all files in it that have front matter.

    A file that says no repository is of the one that it is named after, a README.md of the one
    that its folder is named after. What cannot be imported is an error in its place.
    """
    for path in paths:
        for file in _readmes(path):
            try:
                yield file, _import_file(file)
            except CardError as error:
                where = f"{file}: {error.where}" if error.where else file
                yield file, CardError(error.what, where=where, fix=error.fix)


def readmes(paths: Iterable[Path]) -> list[Path]:
    """The files that `import_paths` reads, in its order."""
    return [file for path in paths for file in _readmes(path)]


def _readmes(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if not hidden and file.is_file() and _has_front_matter(file):
            yield file


def _has_front_matter(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(8).removeprefix(b"\xef\xbb\xbf").startswith(b"---")
    except OSError:
        return True


def _import_file(file: Path) -> Card:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_README + 1)
        text = data.decode("utf-8")
    except OSError as error:
        raise CardError(f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CardError(f"not UTF-8 (byte {error.start})") from error
    if len(data) > MAX_README:
        raise CardError(f"larger than {MAX_README >> 20} MiB, which no README is")
    try:
        return import_readme(text)
    except CardError as error:
        if error.where is not None or "which repository" not in error.what:
            raise
    named = file.parent.resolve().name if file.name.lower() == _README else file.stem
    return import_readme(text, repo=named)


def _our_own(embedded: Embedded, data: dict[str, Any], body: str, *, edited: bool) -> Card:
    card, text = embedded.card, _prose(body)
    if card.body == "own" and card.state != "retired":
        return _with_fields(card, data, prose=text)
    metadata = {key: data[key] for key in embedded.metadata if key in data}
    if not edited:
        return replace(card, metadata=metadata)
    expected = front_matter(card, _own_picture(data))
    if not embedded.made(body) or not expected.keys() <= data.keys():
        return _with_fields(replace(facts_of(card), state=card.state), data, prose=text)
    changed = {k: v for k, v in data.items() if k in metadata or expected.get(k) != v}
    return _with_fields(card, changed, prose=card.prose)


def _with_fields(card: Card, data: Mapping[str, Any], *, prose: str | None) -> Card:
    modelled, metadata = split_modelled(data)
    return replace(card, metadata=metadata, prose=prose, **modelled)


def _own_picture(data: Mapping[str, Any]) -> str | None:
    address = data.get("thumbnail")
    return address if isinstance(address, str) and address.endswith(_OWN_PICTURE) else None


def _prose(body: str) -> str | None:
    return body.strip("\n") or None
