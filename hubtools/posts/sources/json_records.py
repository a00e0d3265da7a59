"""Posts as JSON Lines or one JSON array, including dumps of X's API (1.1, or 2 after twarc)."""

from __future__ import annotations

from collections.abc import Iterator

from hubtools.posts.formats.account_records import PostRecord, file_reader
from hubtools.posts.formats.characters import TextMember, file_start
from hubtools.posts.formats.container import Container
from hubtools.posts.formats.fields import read_record
from hubtools.posts.formats.json_stream import JsonStream
from hubtools.posts.options import ReadOptions
from hubtools.posts.source import FileSource


def recognize(container: Container, options: ReadOptions) -> bool:
    """Whether this is a file that starts like a JSON object or array."""
    return file_start(container).lstrip()[:1] in ("{", "[")


def _records(member: TextMember, options: ReadOptions) -> Iterator[PostRecord]:
    with JsonStream(member) as stream:
        fix = "Write each post as an object with a field 'text'"
        for where, record in stream.objects("a JSON object", fix):
            yield read_record(record, where, options.text_column)


SOURCE = FileSource(
    name="json",
    description="JSON Lines or a JSON array",
    recognize=recognize,
    read=file_reader(_records),
    order=90,
)
