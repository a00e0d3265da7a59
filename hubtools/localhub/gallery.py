"""The gallery: which models a page of it shows, and in which order."""

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
_LONGEST = 200  # characters of what is searched for


@dataclass(frozen=True, slots=True)
class GalleryQuery:
    """What a visitor wants to see of the gallery; `sort` is a key of SORTS, `number` from 1."""

    words: str = ""
    tag: str = ""
    namespace: str = ""
    sort: str = "updated"
    number: int = 1


def parse_gallery_query(query: Mapping[str, str], namespace: str = "") -> GalleryQuery:
    """What an address asks for; what makes no sense in it counts as not said."""
    number, sort = query.get("page", ""), query.get("sort", "")
    return GalleryQuery(
        words=query.get("q", "").strip()[:_LONGEST],
        tag=query.get("tag", "")[:_LONGEST],
        namespace=namespace,
        sort=sort if sort in SORTS else "updated",
        number=int(number) if number.isdecimal() and len(number) < 7 else 1,
    )


def gallery_page(snapshot: Snapshot, asked: GalleryQuery, links: Links) -> WebPage:
    """A page of models. Raises RepoNotFoundError for a namespace that has none."""
    query = Query(
        namespace=asked.namespace or None,
        words=tuple(asked.words.split()),
        tags=(asked.tag,) if asked.tag else (),
        sort=SORTS[asked.sort][1],
        limit=PAGE_SIZE,
        offset=(max(asked.number, 1) - 1) * PAGE_SIZE,
    )
    count = snapshot.count(query)
    if asked.namespace and not count and not asked.words and not asked.tag:
        raise RepoNotFoundError(f"{asked.namespace} has no models here")
    pages = page_count(count)

    def link(number: int = 1, *, sort: str = asked.sort) -> str:
        return links.gallery(
            number,
            namespace=asked.namespace,
            q=asked.words,
            tag=asked.tag,
            sort="" if sort == "updated" else sort,
        )

    numbered = [(n, link(n) if n else None) for n in _window(asked.number, pages)]
    sorts = [(name, link(sort=key), key == asked.sort) for key, (name, _) in SORTS.items()]
    data = {
        "asked": asked,
        "repos": snapshot.page(query).repos if count else (),
        "count": count,
        "numbered": numbered if pages > 1 else [],
        "before": link(asked.number - 1) if 1 < asked.number <= pages else None,
        "after": link(asked.number + 1) if asked.number < pages else None,
        "first": link(),
        "sorts": sorts,
        "fleets": False,
    }
    return WebPage("models.html.j2", data)


def page_count(count: int) -> int:
    """How many pages so many models have; none of them still have one."""
    return max(1, -(-count // PAGE_SIZE))


def _window(number: int, pages: int) -> Iterator[int]:
    """The first page, the last, and those around `number`; 0 stands for a gap."""
    shown = sorted({1, pages, *range(max(1, number - 1), min(pages, number + 1) + 1)})
    last = 0
    for n in shown:
        if n - last == 2:
            yield n - 1
        elif n - last > 2:
            yield 0
        yield n
        last = n
