"""From a README to its Card: one of ours, a huggingtweets card, or anybody's.

- Ours gives the same card back, including what the page does not show: the card's data is in a
  comment at the end. If a person edited the front matter since, the edit wins. If they edited the
  body, all of it becomes the card's prose, with `body = "own"`.
- A huggingtweets card is read for its facts: see `hubtools.cards.legacy`.
- Any other README: front matter goes to the card's fields, or to `[metadata]` where there is none
  (see `hubtools.cards.yaml_reader` for YAML that TOML lacks); the body is kept, with
  `body = "own"`. Line ends become LF, and blank lines around the body go. When it is rendered, the
  keys that have fields come first; all others keep their order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from hubtools.cards.card import Card
from hubtools.cards.frontmatter import read_front_matter
from hubtools.cards.legacy import UnknownRepositoryError, is_legacy, read_legacy
from hubtools.cards.metadata import front_matter, split_modelled
from hubtools.cards.render import is_sealed, unsealed
from hubtools.cards.round_trip import EmbeddedCard, extract, facts_of
from hubtools.core.errors import CardError, UsageError
from hubtools.core.readme import MAX_README
from hubtools.core.repo_names import check_repo_name

_README = "readme.md"
_OWN_PICTURE = "/resolve/main/predictions.png"


def import_readme(text: str, *, repo: str | None = None) -> Card:
    """The card of a README.

    `repo` is its repository's name, without the namespace; when it is None, the README must name
    it. Raises CardError with the line for front matter that cannot be read or kept, and
    UnknownRepositoryError when nothing names the repository.
    """
    plain, data, comments, embedded, body = parts_of(text)
    if embedded is not None:
        card = _our_own(embedded, data, body, edited=not is_sealed(plain))
        card = replace(card, repo=repo or card.repo)
    elif is_legacy(body):
        card = read_legacy(data, body, repo)
    elif repo is None:
        raise UnknownRepositoryError
    else:
        modelled, metadata = split_modelled(data)
        card = Card(repo=repo, body="own", metadata=metadata, prose=_prose(body), **modelled)
    try:
        check_repo_name(card.repo)
    except UsageError as error:
        raise CardError(error.what, fix=error.fix) from error
    return replace(card, comments=comments)


def parts_of(
    text: str,
) -> tuple[str, dict[str, Any], tuple[str, ...], EmbeddedCard | None, str]:
    """A README with plain line ends, its front matter and comments, its embedded card, its body."""
    plain = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    data, comments, rest = read_front_matter(unsealed(plain))
    return plain, data, comments, *extract(rest)


def import_paths(paths: Iterable[Path]) -> Iterator[tuple[Path, Card | CardError]]:
    """The card of each file, and of each file with front matter in a folder.

    A file that does not name its repository is named after it; a README.md's folder is. What
    cannot be imported is an error in its place.
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
            text = readme_text(stream.read(MAX_README + 1))
    except OSError as error:
        raise CardError(f"cannot be read: {error.strerror or error}") from error
    with suppress(UnknownRepositoryError):
        return import_readme(text)
    named = file.parent.resolve().name if file.name.lower() == _README else file.stem
    return import_readme(text, repo=named)


def readme_text(data: bytes) -> str:
    """A README as text; raises CardError for other encodings than UTF-8, and for huge files."""
    if len(data) > MAX_README:
        raise CardError(f"larger than {MAX_README >> 20} MiB, too large for a README")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CardError(f"not UTF-8 (byte {error.start})") from error


def _our_own(embedded: EmbeddedCard, data: dict[str, Any], body: str, *, edited: bool) -> Card:
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
