"""Responses of X's API 2, as it sends them and twarc saves them: pages `{data, includes, meta}`.

Only posts in `data` are read; those of others in `includes` are not. `includes.users` has the
authors' names. Responses that twarc has flattened have no `data`; they are JSON Lines.
"""

from __future__ import annotations

from collections.abc import Iterator

from hubtools.posts.formats.account_records import PostRecord, file_reader
from hubtools.posts.formats.characters import TextMember
from hubtools.posts.formats.container import Container
from hubtools.posts.formats.fields import read_record
from hubtools.posts.formats.json_keys import file_key_paths
from hubtools.posts.formats.json_stream import JsonStream
from hubtools.posts.formats.values import mapping, objects
from hubtools.posts.options import ReadOptions
from hubtools.posts.source import FileSource

_PAGE_FACTOR = 4
"""A page of up to 500 posts may be this many times as long as one record."""


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is a JSON file whose first record is a page."""
    return "data.text" in file_key_paths(container)


def _records(member: TextMember, options: ReadOptions) -> Iterator[PostRecord]:
    with JsonStream(member, _PAGE_FACTOR * member.container.limits.record) as stream:
        for line, value in stream.values():
            page = mapping(value)
            users = objects(mapping(page.get("includes")).get("users"))
            people = {str(user.get("id")): user for user in users}
            data = page.get("data")
            for tweet in objects([data] if isinstance(data, dict) else data):
                author = people.get(str(tweet.get("author_id")))
                record = {**tweet, "author": author} if author else tweet
                yield read_record(record, f"{member.where}:{line}", options.text_column, "x")


SOURCE = FileSource(
    name="x-api",
    description="responses of X's API",
    recognize=recognize,
    read=file_reader(_records),
    order=70,
)
