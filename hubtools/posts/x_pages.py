"""X's API 2 as it answers and as twarc keeps it: pages `{data, includes, meta}`, one after another.

Only what stands in `data` is read; the posts of others in `includes` are not. Their authors' names
stand in `includes.users`. Pages that twarc has flattened have no `data` and are JSON Lines.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from hubtools.posts.characters import TextMember, text_member
from hubtools.posts.container import Container
from hubtools.posts.fields import read_row
from hubtools.posts.jsonshape import file_paths
from hubtools.posts.jsonstream import JsonStream
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import AccountPosts
from hubtools.posts.table import Row, Source, timeline

_PAGE = 4
"""How many times the limit of one record a page may have; they hold up to 500."""


def recognise(container: Container, options: ReadOptions) -> bool:
    """Whether this is a JSON file whose first record is a page."""
    return "data.text" in file_paths(container)


def read(source: str, container: Container, options: ReadOptions) -> AccountPosts:
    """The one author's posts in all pages. Raises SourceError with the line of the page."""
    digest = hashlib.sha256()
    member = text_member(container, container.names[0], digest)
    rows = partial(_rows, member, options.text_column)
    return timeline(Source(source, container, digest.hexdigest(), rows, member.notes), options)


def _rows(member: TextMember, text_column: str | None) -> Iterator[Row]:
    with member.open() as text:
        stream = JsonStream(text, member.where, _PAGE * member.container.limits.record)
        for line, page in stream.values():
            people = _people(page)
            for tweet in _tables(page, "data"):
                author = people.get(str(tweet.get("author_id")))
                record = {**tweet, "author": author} if author else tweet
                yield read_row(record, f"{member.where}:{line}", text_column, "x")


def _people(page: Any) -> dict[str, Mapping[str, Any]]:
    includes = page.get("includes") if isinstance(page, dict) else None
    return {str(user.get("id")): user for user in _tables(includes, "users")}


def _tables(value: Any, key: str) -> list[dict[str, Any]]:
    """The objects in a list, or the one that stands there alone."""
    found = value.get(key) if isinstance(value, dict) else None
    found = [found] if isinstance(found, dict) else found
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
