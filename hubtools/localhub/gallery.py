"""The gallery: which models a page shows, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hubtools.localhub.errors import RepoNotFoundError
from hubtools.localhub.links import Links
from hubtools.localhub.rendering import WebPage
from hubtools.localhub.snapshot import Snapshot
from hubtools.localhub.types import Query, SortKey

PAGE_SIZE = 24
SORTS: Mapping[str, tuple[str, SortKey]] = {
    "updated": ("Recently updated", "lastModified"),
    "created": ("Newest", "createdAt"),
    "name": ("Name", "name"),
}
_MAX_QUERY = 200  # characters


@dataclass(frozen=True, slots=True)
class GalleryQuery:
    """A page of the gallery that a visitor requests.

    `sort` is a key of SORTS; `number` is the page, from 1.
    """

    words: str = ""
    tag: str = ""
    namespace: str = ""
    sort: str = "updated"
    number: int = 1


def parse_gallery_query(params: Mapping[str, str], namespace: str = "") -> GalleryQuery:
    """The page that a URL's query names; invalid parameters are ignored."""
    number, sort = params.get("page", ""), params.get("sort", "")
    return GalleryQuery(
        words=params.get("q", "").strip()[:_MAX_QUERY],
        tag=params.get("tag", "")[:_MAX_QUERY],
        namespace=namespace,
        sort=sort if sort in SORTS else "updated",
        number=int(number) if number.isdecimal() and len(number) < 7 else 1,
    )


def gallery_page(snapshot: Snapshot, query: GalleryQuery, links: Links) -> WebPage:
    """A page of models. Raises RepoNotFoundError for a namespace that has none."""
    listing = Query(
        namespace=query.namespace or None,
        words=tuple(query.words.split()),
        tags=(query.tag,) if query.tag else (),
        sort=SORTS[query.sort][1],
        limit=PAGE_SIZE,
        offset=(max(query.number, 1) - 1) * PAGE_SIZE,
    )
    count = snapshot.count(listing)
    if query.namespace and not count and not query.words and not query.tag:
        raise RepoNotFoundError(f"{query.namespace} has no models on this Hub")
    pages = page_count(count)

    def link(number: int = 1, *, sort: str = query.sort) -> str:
        return links.gallery(
            number,
            namespace=query.namespace,
            q=query.words,
            tag=query.tag,
            sort="" if sort == "updated" else sort,
        )

    page_links = [(n, link(n) if n else None) for n in _window(query.number, pages)]
    sorts = [(name, link(sort=key), key == query.sort) for key, (name, _) in SORTS.items()]
    data = {
        "query": query,
        "repos": snapshot.page(listing).repos if count else (),
        "count": count,
        "page_links": page_links if pages > 1 else [],
        "previous": link(query.number - 1) if 1 < query.number <= pages else None,
        "next": link(query.number + 1) if query.number < pages else None,
        "first": link(),
        "sorts": sorts,
        "fleets": False,
    }
    return WebPage("models.html.j2", data)


def page_count(count: int) -> int:
    """How many pages `count` models take; no models take one, too."""
    return max(1, -(-count // PAGE_SIZE))


def _window(number: int, pages: int) -> Iterator[int]:
    """The numbers to link: first, last and those around `number`; 0 stands for a gap."""
    shown = sorted({1, pages, *range(max(1, number - 1), min(pages, number + 1) + 1)})
    last = 0
    for n in shown:
        if n - last == 2:
            yield n - 1
        elif n - last > 2:
            yield 0
        yield n
        last = n
