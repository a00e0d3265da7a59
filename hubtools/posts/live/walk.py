"""Going through a network's pages: on from where the last run stopped, and no further than new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from hubtools.core.errors import SourceError
from hubtools.posts.live.cache import State, Stream, Walk
from hubtools.posts.live.settings import Settings
from hubtools.posts.post import Post


@dataclass(frozen=True, slots=True)
class Page:
    """What a server gives at a time, the newest first."""

    posts: tuple[Post, ...]
    next: str | None
    """Where the next page begins; None at the end."""
    left_out: bool = False
    """Whether the server's has posts that are not public."""


Fetch = Callable[[str | None], Page]


def bring_up_to_date(
    stream: Stream, fetch: Fetch, settings: Settings, seen: Callable[[int], None]
) -> State:
    """Keep in `stream` all that `fetch` gives, asking only for pages that are not there.

    A walk that an earlier run began is finished first. A page is kept before the next is asked
    for, so whatever ends a run, the next goes on from there. `seen` is told how many posts each
    page brought. Kept pages older than `settings.kept_for` are read anew.
    """
    state = stream.load()
    if state is None or not 0 <= settings.clock() - state.began <= settings.kept_for:
        stream.clear()
        state = State(began=settings.clock())
    if state.walks and not state.walks[-1].done:
        state = _finish(stream, state, fetch, settings, seen)
    state = replace(state, walks=(*state.walks, Walk()))
    return _finish(stream, state, fetch, settings, seen)


def _finish(
    stream: Stream, state: State, fetch: Fetch, settings: Settings, seen: Callable[[int], None]
) -> State:
    """Go on with the last walk until the network's end, or until it meets an earlier walk.

    A server that gives the same cursor or only the same posts again has nothing more to give.
    """
    earlier, walk = state.walks[:-1], state.walks[-1]
    met = {post.id for post in stream.posts(earlier)}
    own = {post.id for post in stream.posts([walk], first=len(state.walks))}
    asked: set[str | None] = set()
    while not walk.done:
        if len(asked) >= settings.most_pages:
            raise SourceError("has more pages than can be", where=stream.folder.name)
        asked.add(walk.next)
        page = fetch(walk.next)
        new = {post.id: post for post in page.posts if post.id not in met and post.id not in own}
        own |= new.keys()
        met_earlier = any(post.id in met for post in page.posts)
        stalled = bool(page.posts) and not new
        is_last = met_earlier or stalled or page.next is None or page.next in asked
        walk = replace(walk, next=page.next, done=is_last)
        state = replace(
            state, left_out=state.left_out or page.left_out, walks=(*state.walks[:-1], walk)
        )
        if new:
            state = stream.keep(state, tuple(new.values()))
            walk = state.walks[-1]
        if is_last and not walk.pages:
            state = replace(state, walks=earlier)
        stream.save(state)
        seen(len(new))
    return state
