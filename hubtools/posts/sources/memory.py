"""Posts that a program already has: texts, Post objects, records or a data frame.

This is not a source on the command line, so it has no `SOURCE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

from hubtools.core.errors import SourceError
from hubtools.posts.formats.account_records import PostRecord, RecordSource, select_account
from hubtools.posts.formats.fields import read_record
from hubtools.posts.formats.values import encodable
from hubtools.posts.formats.x_text import is_typed_repost
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts, Post, posts_digest

_NAME = "data"
_FIX = "Pass a list of texts, Post objects or dictionaries, or a pandas or polars data frame"


@runtime_checkable
class DataFrame(Protocol):
    """A table of pandas or polars, neither of which is imported."""

    @property
    def columns(self) -> Any: ...


PostData = Iterable[str] | Iterable[Post] | Iterable[Mapping[str, Any]] | DataFrame


def account_posts(
    data: PostData, account: Account | None = None, options: ReadOptions | None = None
) -> AccountPosts:
    """The posts of one account in `data`, with a digest that depends on the posts alone.

    Columns and fields are found by name, as in CSV and JSON; `options` can name the text column,
    and the author to select. `account` says whose posts they are if the data do not.

    Raises SourceError for data of another kind, records without text, no posts, and several authors
    of whom `options` names none.
    """
    records = tuple(_records(data, (options or ReadOptions()).text_column))
    if not records:
        raise SourceError("contains no posts", where=_NAME, fix=_FIX)
    digest = posts_digest(record.post for record in records)
    source = RecordSource(_NAME, digest, lambda: records, account=account)
    found = select_account(source, options or ReadOptions())
    return replace(found, posts=tuple(found.posts))


def _records(data: PostData, text_column: str | None) -> Iterator[PostRecord]:
    if isinstance(data, str | bytes) or not isinstance(data, Iterable | DataFrame):
        raise _unsupported(data)
    items = _table_records(data) if isinstance(data, DataFrame) else data
    for number, item in enumerate(items, 1):
        where = f"{_NAME}:{number}"
        if isinstance(item, Post):
            yield PostRecord(item, None, "file", where)
        elif isinstance(item, str):
            text = encodable(item)
            post = Post(id=str(number), text=text, repost=is_typed_repost(text))
            yield PostRecord(post, None, "file", where)
        elif isinstance(item, Mapping):
            yield read_record(item, where, text_column)
        else:
            raise _unsupported(item, where)


def _table_records(table: Any) -> Iterator[Mapping[str, Any]]:
    """Each row of a data frame by column name in lower case; missing values are left out."""
    if hasattr(table, "to_dicts"):
        found = table.to_dicts()
    elif hasattr(table, "to_dict"):
        found = table.to_dict("records")
    else:
        raise _unsupported(table)
    for record in found:
        values = ((str(name).strip().lower(), _plain(value)) for name, value in record.items())
        yield {name: value for name, value in values if value is not None}


def _plain(value: Any) -> Any:
    """A date as ISO 8601; None for the several ways in which a table says that it has no value."""
    if not isinstance(value, str) and hasattr(value, "isoformat"):
        value = value.isoformat()
    missing = value is None or str(value) in ("NaT", "<NA>") or value != value
    return None if missing else value


def _unsupported(value: object, where: str = _NAME) -> SourceError:
    return SourceError(f"is a {type(value).__name__}, not posts", where=where, fix=_FIX)
