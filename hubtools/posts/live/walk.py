"""Reading a network's pages: resuming where the last run stopped, and only what is new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hubtools.core.errors import SourceError
from hubtools.posts.live.cache import CacheState, PageCache, Walk
from hubtools.posts.live.settings import LiveReading
from hubtools.posts.post import Post


@dataclass(frozen=True, slots=True)
class PostPage:
    """What a server returns at a time, newest first."""

    posts: tuple[Post, ...]
    next: str | None
    """Where the next page begins; None at the end."""
    left_out: bool = False


FetchPage = Callable[[str | None], PostPage]


def update_cache(
    cache: PageCache, fetch: FetchPage, reading: LiveReading, seen: Callable[[int], None]
) -> CacheState:
    """Add everything to `cache` that `fetch` returns, requesting only pages it does not have.

    A walk that an earlier run began is finished first. Each page is saved before the next is
    requested, so an interrupted run resumes. `seen` gets the number of new posts on each page.
    Pages older than `settings.cache_lifetime` are read again. Raises CancelledError between pages
    once the work is cancelled.
    """
    now = reading.settings.clock()
    state = cache.load()
    if state is None or not 0 <= now - state.began <= reading.settings.cache_lifetime:
        cache.clear()
        state = CacheState(began=now)
    if state.walks and not state.walks[-1].done:
        _finish(cache, state, fetch, reading, seen)
    state.walks.append(Walk())
    _finish(cache, state, fetch, reading, seen)
    return state


def _finish(
    cache: PageCache,
    state: CacheState,
    fetch: FetchPage,
    reading: LiveReading,
    seen: Callable[[int], None],
) -> None:
    """Continue the last walk until the network's end, or until it meets an earlier walk.

    A server that repeats a cursor, or returns only known posts, has nothing more to give.
    """
    *earlier, walk = state.walks
    met = {post.id for post in cache.posts(earlier)}
    own = {post.id for post in cache.posts([walk], first=len(state.walks))}
    requested: set[str | None] = set()
    while not walk.done:
        reading.cancel.raise_if_cancelled()
        if len(requested) >= reading.settings.page_limit:
            raise SourceError(
                "has too many pages", where=cache.folder.name, fix="Export the account's archive"
            )
        requested.add(walk.next)
        page = fetch(walk.next)
        new = {post.id: post for post in page.posts if post.id not in met and post.id not in own}
        own |= new.keys()
        met_earlier = any(post.id in met for post in page.posts)
        stalled = bool(page.posts) and not new
        walk.next = page.next
        walk.done = met_earlier or stalled or page.next is None or page.next in requested
        state.left_out |= page.left_out
        if new:
            cache.append(state, tuple(new.values()))
        if walk.done and not walk.pages:
            state.walks.pop()
        cache.save(state)
        seen(len(new))
