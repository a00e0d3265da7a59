"""What may be wrong with a card of the right schema: each rule yields problems of one kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from hubtools.cards import limits
from hubtools.cards.card import Card
from hubtools.cards.frontmatter import dump_front_matter
from hubtools.cards.identifiers import unknown_language, unknown_license, unknown_pipeline
from hubtools.cards.metadata import SCRATCH, front_matter
from hubtools.cards.schema import Problem
from hubtools.cards.toml_lines import KeyPath
from hubtools.core.errors import UsageError
from hubtools.core.repo_names import check_repo_name

HasFile = Callable[[str], bool]
"""Whether a model's folder has a file; true where there is no folder to look into."""
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def problems_of(card: Card, name: str, has_file: HasFile) -> Iterator[Problem]:
    """Every problem of `card`, whose file is called `name`."""
    yield from _repository(card, name)
    yield from _lengths(card)
    yield from _identifiers(card)
    yield from _addresses(card, has_file)
    yield from _counts(card)
    yield from _front_matter(card)


def _repository(card: Card, name: str) -> Iterator[Problem]:
    try:
        check_repo_name(card.repo)
    except UsageError as error:
        yield Problem(("repo",), "repository", f"{error.what}. {error.fix}")
    if card.repo != name:
        what = f"{card.repo!r} differs from the name of the file, {name!r}"
        yield Problem(("repo",), "repository", what)
    base = card.base_model
    if base is not None and base != SCRATCH and not _is_repo_id(base):
        yield Problem(("base_model",), "repository", f"{base!r} is not a repository id")


def _is_repo_id(text: str) -> bool:
    parts = text.split("/")
    try:
        return len(parts) <= 2 and all(check_repo_name(part) for part in parts)
    except UsageError:
        return False


def _lengths(card: Card) -> Iterator[Problem]:
    for pattern, longest in limits.LONGEST.items():
        for path, text in _strings(card, pattern):
            if len(text) > longest:
                what = f"{len(text):,} characters; the limit is {longest:,}"
                yield Problem(path, "length", what)
            elif not text.strip() and pattern[0] != "predictions":
                yield Problem(path, "empty", "empty. Leave out what is not known")
    if len(card.tags) > limits.MOST_TAGS:
        what = f"{len(card.tags)} tags; the limit is {limits.MOST_TAGS}"
        yield Problem(("tags",), "length", what)


def _strings(card: Card, pattern: tuple[str, ...]) -> Iterator[tuple[KeyPath, str]]:
    places: list[tuple[KeyPath, Any]] = [((), card)]
    for part in pattern:
        if part == "*":
            places = [((*p, i), v) for p, many in places for i, v in enumerate(many or ())]
        else:
            places = [((*path, part), getattr(value, part)) for path, value in places]
    yield from ((path, value) for path, value in places if isinstance(value, str))


def _identifiers(card: Card) -> Iterator[Problem]:
    extra = card.metadata
    yield from _each(("language",), card.language, unknown_language)
    yield from _each(("metadata", "language"), extra.get("language"), unknown_language)
    yield from _each(("metadata", "license"), extra.get("license"), unknown_license)
    yield from _each(("metadata", "pipeline_tag"), extra.get("pipeline_tag"), unknown_pipeline)


def _each(path: KeyPath, value: Any, check: Callable[[str], str | None]) -> Iterator[Problem]:
    items = enumerate(value) if isinstance(value, list | tuple) else [(None, value)]
    for index, item in items:
        place = path if index is None else (*path, index)
        if isinstance(item, str):
            what = check(item)
            if what is not None:
                yield Problem(place, "identifier", what)
        elif item is not None and not isinstance(item, Mapping):  # a mapping is verbatim YAML
            yield Problem(place, "type", f"expected a string, got {item!r}")


def _addresses(card: Card, has_file: HasFile) -> Iterator[Problem]:
    for index, run in enumerate(card.runs):
        yield from _address(("runs", index, "url"), run.url, None)
    for index, account in enumerate(card.accounts):
        yield from _address(("accounts", index, "avatar"), account.avatar, has_file)
    yield from _address(("thumbnail",), card.thumbnail, has_file)
    for key in ("thumbnail", "license_link"):
        value = card.metadata.get(key)
        yield from _address(("metadata", key), value if isinstance(value, str) else None, has_file)


def _address(path: KeyPath, value: str | None, has_file: HasFile | None) -> Iterator[Problem]:
    """Problems of an address, or of the name of a file in the repository where that may be."""
    if not value or not value.strip():
        return
    if has_file is not None and _FILE.fullmatch(value):
        if not has_file(value):
            yield Problem(path, "missing-file", f"the model's folder has no file {value!r}")
        return
    what = bad_address(value)
    if what is not None:
        yield Problem(path, "address", what)


def bad_address(value: str) -> str | None:
    """What is wrong with an absolute address; None for a good one."""
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return f"{value!r} is not an address"
    if parts.scheme == "http" and parts.netloc:
        return f"{value!r} is not https"
    if parts.scheme != "https" or not parts.netloc:
        return f"{value!r} is not an https address"
    return None


def _counts(card: Card) -> Iterator[Problem]:
    for index, account in enumerate(card.accounts):
        counts, path = account.posts, ("accounts", index, "posts")
        if counts is None:
            continue
        parts = (counts.reposts, counts.dropped, counts.kept)
        if min(parts) < 0:
            yield Problem(path, "count", "a count is negative")
        elif sum(parts) != counts.downloaded:
            what = f"reposts + dropped + kept is {sum(parts)}, downloaded is {counts.downloaded}"
            yield Problem(path, "count", what)
    if card.evaluation is not None:
        for key in ("memorized_fraction", "memorized_baseline"):
            fraction = getattr(card.evaluation, key)
            if not 0 <= fraction <= 1:
                what = f"{fraction} is not between 0 and 1"
                yield Problem(("evaluation", key), "count", what)


def _front_matter(card: Card) -> Iterator[Problem]:
    try:
        size = len(dump_front_matter(front_matter(card, None)).encode())
    except (TypeError, ValueError) as error:
        yield Problem(("metadata",), "front-matter", str(error))
        return
    if size > limits.FRONT_MATTER_BYTES:
        what = f"front matter of {size:,} bytes; the Hub's limit is {limits.FRONT_MATTER_BYTES:,}"
        yield Problem((), "front-matter", what)
