"""What a source of posts is: a kind of file, or a network that is read live.

A module in `hubtools/posts/sources/` exports one as `SOURCE`. Another package names one in its
metadata:

    [project.entry-points."hubtools.sources"]
    threads = "hubtools_threads:SOURCE"
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hubtools.posts.formats.container import Container
from hubtools.posts.live.address import AccountAddress
from hubtools.posts.live.settings import LiveReading
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import AccountPosts


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """Posts in a file, an archive or a folder."""

    name: str
    description: str
    """What a person would call it; completes "hubtools reads …"."""
    recognize: Callable[[Container, ReadOptions], bool]
    """Looks at member names and first bytes, never at file names."""
    read: Callable[[str, Container, ReadOptions], AccountPosts]
    """Takes the path as the person named it, and the open container."""
    order: int = 50
    """Sources are tried in this order. Those that recognize many files have 90 and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSource:
    """Posts of an account, read from its network's public API."""

    name: str
    description: str
    prefix: str
    parse: Callable[[str], AccountAddress]
    """The account that an address names. Raises SourceError for an invalid address."""
    read: Callable[[AccountAddress, LiveReading], AccountPosts]


Source = FileSource | LiveSource
