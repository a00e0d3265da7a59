"""From an address of an account to its timeline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType, ModuleType
from typing import Any

from hubtools.core.errors import PolicyError, SourceError
from hubtools.core.events import Reporter
from hubtools.core.files import writing
from hubtools.posts.live import bluesky, mastodon
from hubtools.posts.live.address import Address, parse_address
from hubtools.posts.live.cache import AccountCache, State, Stream, account_cache
from hubtools.posts.live.client import Client
from hubtools.posts.live.remote import GoneError, Remote
from hubtools.posts.live.settings import Settings
from hubtools.posts.live.walk import bring_up_to_date
from hubtools.posts.post import Account, AccountPosts, Network, Post

_NETWORKS: Mapping[Network, ModuleType] = MappingProxyType(
    {"mastodon": mastodon, "bluesky": bluesky}
)


@dataclass(frozen=True, slots=True)
class _Posts:
    """The posts that are kept of an account; gone through page by page."""

    streams: tuple[tuple[Stream, State], ...]

    def __iter__(self) -> Iterator[Post]:
        for stream, state in self.streams:
            yield from stream.posts(state.walks)


def read_live(
    source: str,
    settings: Settings | None = None,
    report: Reporter | None = None,
    allow: Callable[[Account], None] | None = None,
) -> AccountPosts:
    """The public posts of the account that `source` names: `mastodon:user@host`, `bluesky:handle`.

    `allow` is told who it is, by each name that the network has for it, before any post is asked
    for, and may raise. What was read is kept in `settings.cache`, so a run that ends early goes
    on, and a later one asks only for what is new; the kept copy goes when the account is gone or
    its owner opts out. Raises SourceError for what is no account or shows nothing, PolicyError for
    an opt-out, HubUnavailableError when a server is away or out of patience.
    """
    address, chosen = parse_address(source), settings or Settings()
    told = report or Reporter()
    cache = account_cache(chosen.cache, address)
    network = _NETWORKS[address.network]
    with Client(chosen, told, network.named_servers(address, chosen)) as client:
        remote = _find(network, client, address, chosen, cache)
        _introduce(remote, allow)
        with _alone(cache):
            cache.describe(_description(remote))
            posts = _bring(cache, remote, chosen, told)
    digest = _digest(posts)
    if digest is None:
        raise SourceError("has no public posts", where=source)
    notes = list(remote.notes)
    if any(state.left_out for _, state in posts.streams):
        notes.append("Posts that are not public were left out.")
    return AccountPosts(source, digest, remote.account, posts, tuple(notes))


def _find(
    network: ModuleType, client: Client, address: Address, settings: Settings, cache: AccountCache
) -> Remote:
    try:
        found: Remote = network.find(client, address, settings)
    except (GoneError, PolicyError):
        cache.remove()
        raise
    return found


def _introduce(remote: Remote, allow: Callable[[Account], None] | None) -> None:
    if allow is not None:
        allow(remote.account)
        for name in remote.other_names:
            allow(replace(remote.account, handle=name))


def _alone(cache: AccountCache) -> Any:
    from huggingface_hub.utils import WeakFileLock

    with writing(cache.lock):
        cache.lock.parent.mkdir(parents=True, exist_ok=True)
    return WeakFileLock(cache.lock)


def _description(remote: Remote) -> dict[str, object]:
    account = remote.account
    return {
        "network": account.network,
        "handle": account.handle,
        "name": account.name,
        "other_names": list(remote.other_names),
        "server": remote.server,
    }


def _bring(cache: AccountCache, remote: Remote, settings: Settings, report: Reporter) -> _Posts:
    streams = []
    title = f"Reading @{remote.account.handle}"
    with report.task(title, float(max(remote.total, 1))) as bar:
        done = 0

        def seen(posts: int) -> None:
            nonlocal done
            done += posts
            bar.advance(float(min(done, remote.total)), f"{done:,} posts")

        for name, fetch in remote.streams.items():
            stream = cache.stream(name)
            streams.append((stream, bring_up_to_date(stream, fetch, settings, seen)))
        bar.advance(float(max(remote.total, 1)), f"{done:,} new")
    return _Posts(tuple(streams))


def _digest(posts: _Posts) -> str | None:
    """The SHA-256 of the posts, however they came in pages; None when there are none."""
    digest, count = hashlib.sha256(), 0
    for post in posts:
        count += 1
        made = post.created.isoformat() if post.created else None
        row = (post.id, post.text, made, post.repost, post.language, post.reply_to)
        digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest() if count else None
