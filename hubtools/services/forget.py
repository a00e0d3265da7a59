"""Remove every trace of an account that hubtools keeps on this machine.

Traces are the cached answers of networks, the account's picture, the folder and log of every model
trained on the account, alone or with others, and unfinished runs. Cards are not traces: they say
what is published, and `retire` takes those models down. Files that a person named (archives,
exports, `train --out` outside the project) are unknown here.
"""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import OutputError, UsageError
from hubtools.core.events import Reporter
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
class AccountName:
    """The account to forget; without a network, that handle on every network."""

    handle: str
    network: str | None = None

    def matches(self, network: object, handle: object) -> bool:
        """Whether an account with these names may be this one; an unknown network may be any."""
        unknown = self.network is None or network in (None, "file")
        return (
            isinstance(handle, str)
            and plain_handle(handle) == self.handle
            and (unknown or network == self.network)
        )


@dataclass(frozen=True, slots=True)
class Traces:
    """What this machine holds of an account."""

    found: tuple[Path, ...]
    """Files and folders that `forget` removes."""
    cards: tuple[Path, ...]
    """Cards that name the account; they stay."""
    unsure: tuple[Path, ...]
    """Folders of unfinished runs that do not name their accounts; they stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetRequest:
    """The account to forget."""

    project: Project
    account: str
    """`HANDLE`, `@HANDLE` or `NETWORK:HANDLE`."""
    confirm: Callable[[Traces], bool] = lambda traces: True
    """Asked before anything is removed; not asked when there is nothing to remove."""
    cache: Path | None = None
    """The cache of live sources; None is the default one."""


def forget(request: ForgetRequest, reporter: Reporter, cancel: CancelToken) -> Traces:
    """Remove every trace of an account and return what was removed; nothing if not confirmed.

    An interrupted call leaves the rest for the next one to find. Raises UsageError for an account
    without a handle, OutputError for a file that the system refuses to delete.
    """
    traces = find_traces(request.account, request.project, request.cache)
    if traces.found and not request.confirm(traces):
        return Traces((), traces.cards, traces.unsure)
    for path in traces.found:
        cancel.raise_if_cancelled()
        try:
            _remove(path)
        except OSError as error:
            raise OutputError(
                f"cannot be removed: {(error.strerror or str(error)).lower()}",
                where=error.filename or path,
                fix="Make it writable and run the command again",
            ) from error
        reporter.note(f"Removed {path}")
    return traces


def find_traces(account: str, project: Project, cache: Path | None = None) -> Traces:
    """What `project` and `cache` (None: the cache of live sources) hold of `account`.

    Changes nothing. Raises UsageError for an account without a handle.
    """
    name = parse_account(account)
    cards = tuple(sorted(_cards(name, project.cards_folder)))
    found = sorted(_models(name, project.models_folder))
    known = {folder.name for folder in found} | {card.stem for card in cards}
    unsure = []
    for folder in sorted(_subfolders(project.models_folder, ".*.part")):
        model = folder.name.removeprefix(".").removesuffix(".part")
        if model in known or _is_default_name(model, name):
            found.append(folder)
        elif not _has_record(model, project):
            unsure.append(folder)
    for log in sorted(project.models_folder.glob(f"*{_LOG}")):
        model = log.name.removesuffix(_LOG)
        if model in known or _is_default_name(model, name):
            found.append(log)
    cached = cache or cache_folder()
    found += sorted(_cached_posts(name, cached / LIVE))
    found += sorted({file for card in cards for file in _pictures(name, card, cached)})
    return Traces(tuple(found), cards, tuple(unsure))


def parse_account(text: str) -> AccountName:
    """`HANDLE`, `@HANDLE` or `NETWORK:HANDLE`. Raises UsageError when the handle is empty."""
    network, colon, rest = text.partition(":")
    if colon and network.casefold() in _NETWORKS:
        name = AccountName(plain_handle(rest), network.casefold())
    else:
        name = AccountName(plain_handle(text))
    if not name.handle:
        raise UsageError(f"{text!r} is not an account", fix="Write a handle, or network:handle")
    return name


def _models(name: AccountName, models: Path) -> Iterator[Path]:
    for folder in _subfolders(models, "*"):
        sources = _json(folder / RUN_RECORD).get("sources")
        if _names_any(name, sources):
            yield folder


def _is_default_name(model: str, name: AccountName) -> bool:
    try:
        return model == repo_name([name.handle])
    except UsageError:
        return False


def _has_record(model: str, project: Project) -> bool:
    finished = project.models_folder / model / RUN_RECORD
    return finished.is_file() or (project.cards_folder / f"{model}.toml").is_file()


def _cards(name: AccountName, cards: Path) -> Iterator[Path]:
    """Read leniently: an invalid card still names an account."""
    for file in cards.glob("*.toml"):
        text = file.read_text(encoding="utf-8", errors="replace")
        if name.handle not in text.casefold():
            continue
        try:
            accounts = tomllib.loads(text).get("accounts")
        except tomllib.TOMLDecodeError:
            yield file
            continue
        if _names_any(name, accounts):
            yield file


def _pictures(name: AccountName, card: Path, cache: Path) -> Iterator[Path]:
    try:
        accounts = tomllib.loads(card.read_text(encoding="utf-8", errors="replace"))["accounts"]
    except (tomllib.TOMLDecodeError, KeyError):
        return
    for account in accounts if isinstance(accounts, list) else ():
        if _names_any(name, [account]) and isinstance(account.get("avatar"), str):
            file = cached_avatar(cache, account["avatar"])
            if file.is_file():
                yield file


def _cached_posts(name: AccountName, live: Path) -> Iterator[Path]:
    for network in _subfolders(live, "*"):
        for folder in network.iterdir():
            account = described(folder)
            shown = folder.name.removeprefix(".").removesuffix(".lock")
            others = account.get("other_names")
            handles = [unquote(shown), account.get("handle")]
            handles += others if isinstance(others, list) else []
            if any(name.matches(network.name, handle) for handle in handles):
                yield folder


def _names_any(name: AccountName, accounts: object) -> bool:
    return isinstance(accounts, list) and any(
        isinstance(one, Mapping) and name.matches(one.get("network"), one.get("handle"))
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
    """Remove the file that says whose a folder is last, so that a rerun finds the rest."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for child in sorted(path.iterdir(), key=lambda child: child.name in _LAST):
        _remove(child)
    shutil.rmtree(path)
