"""Where an archive from X has the files that are needed.

Since 2020 `data/manifest.js` (`window.__THAR_CONFIG = {…}`) lists them; without it they are found
by name: `tweets.js`, `tweets-part1.js` and so on (until 2022 `tweet.js`, in 2019 at the root).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.formats.characters import text_member
from hubtools.posts.formats.container import Container
from hubtools.posts.formats.javascript import JavaScriptStream
from hubtools.posts.formats.values import mapping

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
class XArchiveFiles:
    """The members to open; no others are."""

    home: str
    """The folder of the files in the archive; "" if it is the source itself."""
    tweets: tuple[str, ...]
    notes: tuple[str, ...]
    account: str | None
    profile: str | None
    expected: int | None
    owner: Mapping[str, Any]


def homes(container: Container) -> tuple[str, ...]:
    """The folders in `container` with an archive's tweets or manifest."""
    found = (_HOME.fullmatch(name) for name in container.names)
    return tuple(sorted({match[1] or match[2] or "" for match in found if match}))


def find_files(container: Container) -> XArchiveFiles:
    """The files of the only archive in `container`.

    Raises SourceError for two archives, an archive without tweets, and files of tweets that the
    manifest lists but the archive lacks.
    """
    home = container.only(homes(container))
    manifest = _manifest(container, home)
    listed = {kind: _listed(manifest, kind, home) for kind in ("tweets", "tweet", *_NAMES)}
    tweets = listed["tweets"] or listed["tweet"]
    missing = [name for name in tweets if name not in container.names]
    if missing:
        raise SourceError(
            "is missing, although the archive's manifest.js lists it",
            where=container.where(missing[0]),
            fix="Download the archive again",
        )
    names = tuple(tweets) or _named(container, home, "tweets")
    if not names:
        raise SourceError(
            "has no tweets.js", where=container.path, fix="Download the archive from X again"
        )
    single = {
        kind: tuple(name for name in listed[kind] if name in container.names)
        or _named(container, home, kind)
        for kind in _NAMES
    }
    return XArchiveFiles(
        home=home,
        tweets=names,
        notes=single["noteTweet"],
        account=next(iter(single["account"]), None),
        profile=next(iter(single["profile"]), None),
        expected=sum(tweets.values()) if tweets else None,
        owner=mapping(manifest.get("userInfo")),
    )


def _manifest(container: Container, home: str) -> Mapping[str, Any]:
    name = f"{home}manifest.js"
    if name not in container.names:
        return {}
    with JavaScriptStream(text_member(container, name)) as stream:
        stream.skip(_ASSIGNMENT)
        return mapping(stream.value())


def _listed(manifest: Mapping[str, Any], kind: str, home: str) -> dict[str, int]:
    """The manifest's files of one kind, with the number of records in each."""
    entries = mapping(mapping(manifest.get("dataTypes")).get(kind)).get("files")
    found = {}
    for entry in entries if isinstance(entries, list) else []:
        name, count = mapping(entry).get("fileName"), str(mapping(entry).get("count"))
        if isinstance(name, str):
            found[home + name.removeprefix("data/")] = int(count) if count.isdecimal() else 0
    return found


def _named(container: Container, home: str, kind: str) -> tuple[str, ...]:
    form = re.compile(rf"{re.escape(home)}{_NAMES[kind]}(?:-part(\d+))?\.js")
    found = ((form.fullmatch(name), name) for name in container.names)
    return tuple(
        name for _, name in sorted((int(match[1] or 0), name) for match, name in found if match)
    )
