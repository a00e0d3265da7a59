"""Every trace that hubtools keeps of an account on this machine, and how to remove it.

That is the copy of what a network answered, the picture of the account, the folder of every model
that learned from the account, alone or with others, the log beside it, and what an unfinished run
left. A card is no trace: it says what is published, and goes when `retire` takes the model down.
Files that a person named themself (archives, what `posts export` wrote, `train --out` outside of
the project) are not known here.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hubtools.core.config import Project
from hubtools.core.errors import OutputError, UsageError
from hubtools.core.repo_names import repo_name
from hubtools.core.run_record import RUN_RECORD
from hubtools.posts.deny_list import plain_handle
from hubtools.posts.live.avatars import cached_avatar
from hubtools.posts.live.cache import ACCOUNT, LIVE, described
from hubtools.posts.live.settings import cache_folder

_NETWORKS = ("x", "mastodon", "bluesky", "file")
_LOG = ".log.jsonl"
_LAST = (RUN_RECORD, ACCOUNT)


@dataclass(frozen=True, slots=True)
class Who:
    """The account to forget; without a network, that handle on each."""

    handle: str
    network: str | None = None

    def is_named(self, network: object, handle: object) -> bool:
        """Whether these are its names; a network that is not known may be its own."""
        unknown = self.network is None or network in (None, "file")
        return (
            isinstance(handle, str)
            and plain_handle(handle) == self.handle
            and (unknown or network == self.network)
        )


@dataclass(frozen=True, slots=True)
class Traces:
    """What there is of an account."""

    found: tuple[Path, ...]
    """Files and folders that `forget` removes."""
    cards: tuple[Path, ...]
    """Cards that name it; they stay."""
    unsure: tuple[Path, ...]
    """Folders of unfinished runs that do not say whose posts they hold; they stay."""


def parse_who(said: str) -> Who:
    """`HANDLE`, `@HANDLE` or `NETWORK:HANDLE`. Raises UsageError when nothing is left of it."""
    network, colon, rest = said.partition(":")
    known = colon and network.casefold() in _NETWORKS
    who = Who(plain_handle(rest), network.casefold()) if known else Who(plain_handle(said))
    if not who.handle:
        raise UsageError(f"{said!r} names no account", fix="Write a handle, or network:handle")
    return who


def traces(said: str, project: Project, cache: Path | None = None) -> Traces:
    """What there is of the account that `said` names, in `project` and in `cache`.

    `cache` None is the folder that live sources use. Nothing is changed.
    """
    who = parse_who(said)
    cards = tuple(sorted(_cards(who, project.cards_folder)))
    found = sorted(_models(who, project.models_folder))
    names = {folder.name for folder in found} | {card.stem for card in cards}
    unsure = []
    for work in sorted(_subfolders(project.models_folder, ".*.part")):
        name = work.name.removeprefix(".").removesuffix(".part")
        if name in names or _is_name_of(name, who):
            found.append(work)
        elif not _is_others(name, project):
            unsure.append(work)
    for log in sorted(project.models_folder.glob(f"*{_LOG}")):
        if log.name.removesuffix(_LOG) in names or _is_name_of(log.name.removesuffix(_LOG), who):
            found.append(log)
    kept = cache or cache_folder()
    found += sorted(_copies(who, kept / LIVE))
    found += sorted({file for card in cards for file in _pictures(who, card, kept)})
    return Traces(tuple(found), cards, tuple(unsure))


def forget(said: str, project: Project, cache: Path | None = None) -> Traces:
    """Remove what `traces` finds, and say what it was.

    An interrupted call leaves what it has not removed to be found by the next. Raises OutputError
    for what the system does not let go.
    """
    there = traces(said, project, cache)
    for path in there.found:
        try:
            _remove(path)
        except OSError as error:
            raise OutputError(
                f"cannot be removed: {(error.strerror or str(error)).lower()}",
                where=error.filename or path,
                fix="Make it writable, and run again",
            ) from error
    return there


def _models(who: Who, models: Path) -> Iterator[Path]:
    for folder in _subfolders(models, "*"):
        sources = _json(folder / RUN_RECORD).get("sources")
        if _names_any(who, sources):
            yield folder


def _is_name_of(name: str, who: Who) -> bool:
    try:
        return name == repo_name([who.handle])
    except UsageError:
        return False


def _is_others(name: str, project: Project) -> bool:
    """Whether a finished model or a card of that name says whose it is."""
    finished = project.models_folder / name / RUN_RECORD
    return finished.is_file() or (project.cards_folder / f"{name}.toml").is_file()


def _cards(who: Who, cards: Path) -> Iterator[Path]:
    """Read leniently: a card with a mistake in it still names an account."""
    for file in cards.glob("*.toml"):
        text = file.read_text(encoding="utf-8", errors="replace")
        if who.handle not in text.casefold():
            continue
        try:
            accounts = tomllib.loads(text).get("accounts")
        except tomllib.TOMLDecodeError:
            yield file
            continue
        if _names_any(who, accounts):
            yield file


def _pictures(who: Who, card: Path, cache: Path) -> Iterator[Path]:
    """The account's picture, kept by the address that its card names."""
    try:
        accounts = tomllib.loads(card.read_text(encoding="utf-8", errors="replace"))["accounts"]
    except (tomllib.TOMLDecodeError, KeyError):
        return
    for account in accounts if isinstance(accounts, list) else ():
        if _names_any(who, [account]) and isinstance(account.get("avatar"), str):
            file = cached_avatar(cache, account["avatar"])
            if file.is_file():
                yield file


def _copies(who: Who, live: Path) -> Iterator[Path]:
    for network in _subfolders(live, "*"):
        for folder in network.iterdir():
            said = described(folder)
            shown = folder.name.removeprefix(".").removesuffix(".lock")
            others = said.get("other_names")
            handles = [unquote(shown), said.get("handle")]
            handles += others if isinstance(others, list) else []
            if any(who.is_named(network.name, handle) for handle in handles):
                yield folder


def _names_any(who: Who, accounts: object) -> bool:
    return isinstance(accounts, list) and any(
        isinstance(one, Mapping) and who.is_named(one.get("network"), one.get("handle"))
        for one in accounts
    )


def _subfolders(folder: Path, pattern: str) -> Iterable[Path]:
    return (path for path in folder.glob(pattern) if path.is_dir())


def _json(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _remove(path: Path) -> None:
    """What tells whose a folder is goes last."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for child in sorted(path.iterdir(), key=lambda child: child.name in _LAST):
        _remove(child)
    shutil.rmtree(path)
