"""From an account's address to its posts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from hubtools.core.errors import PolicyError, SourceError
from hubtools.posts.live.address import AccountAddress
from hubtools.posts.live.cache import AccountCache, CacheState, PageCache, account_cache
from hubtools.posts.live.client import LiveClient
from hubtools.posts.live.remote_account import GoneError, RemoteAccount
from hubtools.posts.live.settings import LiveReading
from hubtools.posts.live.walk import update_cache
from hubtools.posts.post import AccountPosts, Post, posts_digest


@dataclass(frozen=True, slots=True)
class CachedPosts:
    """The cached posts of an account, read page by page on each iteration."""

    lists: tuple[tuple[PageCache, CacheState], ...]

    def __iter__(self) -> Iterator[Post]:
        for pages, state in self.lists:
            yield from pages.posts(state.walks)


def read_account(
    address: AccountAddress,
    reading: LiveReading,
    find: Callable[[LiveClient], RemoteAccount],
    trusted: Iterable[str] = (),
) -> AccountPosts:
    """The public posts of an account that `find` looks up on its network.

    `reading.allow` gets the account under each of its names before any post is requested. Posts
    are cached in `settings.cache`, so an interrupted run resumes and a later one requests only new
    posts. The cache is removed when the account is gone or its owner opts out. `trusted` origins
    may be on this machine.

    Raises SourceError for an account that does not exist or has no public posts, PolicyError for an
    opt-out, HubUnavailableError for a server that is down or limits requests, CancelledError.
    """
    cache = account_cache(reading.settings.cache, address)
    with LiveClient(reading, trusted) as client:
        try:
            remote = find(client)
        except (GoneError, PolicyError):
            cache.remove()
            raise
        for handle in (remote.account.handle, *remote.other_names):
            reading.allow(replace(remote.account, handle=handle))
        with cache.locked(reading.cancel):
            cache.describe(_description(remote))
            posts = _update(cache, remote, reading)
    if not any(True for _ in posts):
        raise SourceError(
            "has no public posts", where=address, fix="Choose an account with public posts"
        )
    notes = list(remote.notes)
    if any(state.left_out for _, state in posts.lists):
        notes.append("Left out posts that are not public.")
    return AccountPosts(str(address), posts_digest(posts), remote.account, posts, tuple(notes))


def _description(remote: RemoteAccount) -> dict[str, object]:
    account = remote.account
    return {
        "network": account.network,
        "handle": account.handle,
        "name": account.name,
        "other_names": list(remote.other_names),
        "server": remote.server,
    }


def _update(cache: AccountCache, remote: RemoteAccount, reading: LiveReading) -> CachedPosts:
    lists = []
    total = float(max(remote.total, 1))
    with reading.reporter.task(f"Reading @{remote.account.handle}", total) as task:
        done = 0

        def seen(posts: int) -> None:
            nonlocal done
            done += posts
            task.advance(min(done, total), f"{done:,} posts")

        for name, fetch in remote.lists.items():
            pages = cache.pages(name)
            lists.append((pages, update_cache(pages, fetch, reading, seen)))
        task.advance(total, f"{done:,} new")
    return CachedPosts(tuple(lists))
