"""Statuses as Mastodon's API returns them: https://docs.joinmastodon.org/entities/Status/."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubtools.core.errors import SourceError
from hubtools.posts.formats.characters import language_code
from hubtools.posts.formats.dates import parse_date
from hubtools.posts.formats.html_text import html_to_text
from hubtools.posts.formats.values import encodable, text_or_none
from hubtools.posts.post import Post

LONGEST_HTML = 1 << 18
"""Characters of a post's HTML in a file, so that parsing it ends in time."""


def status_post(status: Mapping[str, Any], id: str) -> Post:
    """The post in a status; of a reblog, the words of others are not taken."""
    html, reblog = status.get("content"), status.get("reblog") is not None
    return Post(
        id=id,
        text=encodable(html_to_text(html)) if isinstance(html, str) and not reblog else "",
        created=parse_date(status.get("created_at")),
        repost=reblog,
        language=language_code(status.get("language")),
        reply_to=text_or_none(status.get("in_reply_to_id")),
    )


def check_html_length(html: object, where: str) -> None:
    """Raises SourceError at `where` for HTML that is too long to parse."""
    if isinstance(html, str) and len(html) > LONGEST_HTML:
        raise SourceError(
            f"has a post of more than {LONGEST_HTML:,} characters",
            where=where,
            fix="Remove that post",
        )
