"""Where the files that are needed lie in an archive that X made.

`data/manifest.js` (`window.__THAR_CONFIG = {…}`) lists them since 2020; without it they are
known by their names: `tweets.js`, `tweets-part1.js` and so on (until 2022 `tweet.js`, which in
2019 stood at the root).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from hubtools.core.errors import SourceError
from hubtools.posts.characters import text_member
from hubtools.posts.container import Container
from hubtools.posts.js_literals import RelaxedText, may_be_relaxed
from hubtools.posts.jsonstream import JsonStream

_HOME = re.compile(
    r"((?:(?:[^/]+/)*data/)?)(?:tweets?(?:-part\d+)?|manifest)\.js|([^/]+/)tweet\.js"
)
_ASSIGNMENT = re.compile(r"\s*window\.__THAR_CONFIG\s*=")
_NAMES = {
    "tweets": r"tweets?",
    "noteTweet": r"note-tweets?",
    "account": "account",
    "profile": "profile",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """The members to open; nothing else in the archive is."""

    home: str
    """The folder of the files in the archive, or "" when that is the source itself."""
    tweets: tuple[str, ...]
    notes: tuple[str, ...]
    account: str | None
    profile: str | None
    promised: int | None
    """How many posts the manifest counts."""
    owner: Mapping[str, Any]
    """The manifest's `userInfo`."""


def homes(container: Container) -> tuple[str, ...]:
    """The folders in `container` that hold an archive's tweets or its manifest."""
    found = (_HOME.fullmatch(name) for name in container.names)
    return tuple(sorted({match[1] or match[2] or "" for match in found if match}))


def find_layout(container: Container) -> Layout:
    """The files of the one archive in `container`.

    Raises SourceError for two archives, none with tweets, and files of tweets that are listed in
    the manifest but missing.
    """
    home = _one_home(container)
    manifest = _manifest(container, home)
    listed = {kind: _listed(manifest, kind, home) for kind in ("tweets", "tweet", *_NAMES)}
    tweets = listed["tweets"] or listed["tweet"]
    missing = [name for name in tweets if name not in container.names]
    if missing:
        raise SourceError(
            "is listed in the archive's manifest.js but missing",
            where=container.where(missing[0]),
            fix="Download the archive again",
        )
    names = tuple(tweets) or _named(container, home, "tweets")
    if not names:
        raise SourceError(
            "holds no tweets.js", where=container.path, fix="Download the archive from X again"
        )
    single = {kind: _present(container, home, kind, listed[kind]) for kind in _NAMES}
    return Layout(
        home=home,
        tweets=names,
        notes=single["noteTweet"],
        account=next(iter(single["account"]), None),
        profile=next(iter(single["profile"]), None),
        promised=sum(tweets.values()) if tweets else None,
        owner=_table(manifest.get("userInfo")),
    )


def _one_home(container: Container) -> str:
    found = homes(container)
    if len(found) > 1:
        raise SourceError(
            f"holds more than one archive: {', '.join(home or '.' for home in found)}",
            where=container.path,
            fix="Name one of them",
        )
    return found[0]


def _manifest(container: Container, home: str) -> Mapping[str, Any]:
    name = f"{home}manifest.js"
    if name not in container.names:
        return {}
    member = text_member(container, name)
    limit = container.limits.record
    try:
        with member.open() as text:
            return _config(text, member.where, limit)
    except SourceError as error:
        if not may_be_relaxed(error):
            raise
        try:
            with RelaxedText(member.open(), member.where, limit) as text:
                return _config(text, member.where, limit)
        except SourceError:
            raise error from None


def _config(text: TextIO, where: str, limit: int) -> Mapping[str, Any]:
    stream = JsonStream(text, where, limit)
    stream.skip(_ASSIGNMENT)
    return _table(stream.value())


def _listed(manifest: Mapping[str, Any], kind: str, home: str) -> dict[str, int]:
    """The files of one kind in the manifest, with the number of records in each."""
    entries = _table(_table(manifest.get("dataTypes")).get(kind)).get("files")
    found = {}
    for entry in entries if isinstance(entries, list) else []:
        name, count = _table(entry).get("fileName"), str(_table(entry).get("count"))
        if isinstance(name, str):
            found[home + name.removeprefix("data/")] = int(count) if count.isdecimal() else 0
    return found


def _present(
    container: Container, home: str, kind: str, listed: Mapping[str, int]
) -> tuple[str, ...]:
    names = tuple(name for name in listed if name in container.names)
    return names or _named(container, home, kind)


def _named(container: Container, home: str, kind: str) -> tuple[str, ...]:
    """The members whose name says that they are of `kind`, in the order of their parts."""
    form = re.compile(rf"{re.escape(home)}{_NAMES[kind]}(?:-part(\d+))?\.js")
    found = ((form.fullmatch(name), name) for name in container.names)
    return tuple(
        name for _, name in sorted((int(match[1] or 0), name) for match, name in found if match)
    )


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
