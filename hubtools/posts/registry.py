"""From what a person names as a source to the posts of one account.

Built-in sources are the modules of `hubtools.posts.sources`; other packages add theirs through the
entry-point group `hubtools.sources`. One that cannot be loaded is reported, and stops no other.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from hubtools.core.errors import SourceError
from hubtools.posts import sources
from hubtools.posts.formats.container import ArchiveLimits, Container, FileContainer
from hubtools.posts.formats.open_container import open_container
from hubtools.posts.live.address import AccountAddress
from hubtools.posts.live.settings import LiveReading
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import AccountPosts
from hubtools.posts.source import FileSource, LiveSource, Source

ENTRY_POINT_GROUP = "hubtools.sources"


@dataclass(frozen=True, slots=True)
class SourceRegistry:
    """Everything that hubtools can read here."""

    files: tuple[FileSource, ...]
    """In the order in which they are tried."""
    live: tuple[LiveSource, ...]
    broken: tuple[SourceError, ...] = ()
    """Why sources of other packages could not be loaded."""


@cache
def source_registry() -> SourceRegistry:
    """The built-in sources and those of installed packages."""
    return build_registry(_built_in(), entry_points(group=ENTRY_POINT_GROUP))


def build_registry(built_in: Iterable[Source], plugins: Iterable[EntryPoint]) -> SourceRegistry:
    """A registry of these sources; a plug-in that fails to load is kept as an error."""
    found: dict[str, Source] = {source.name: source for source in built_in}
    broken = []
    for plugin in plugins:
        try:
            source = plugin.load()
            if not isinstance(source, FileSource | LiveSource):
                raise TypeError(f"{plugin.value} is a {type(source).__name__}, not a source")
            if source.name in found:
                raise ValueError(f"the name {source.name!r} is taken")
        except Exception as error:  # noqa: BLE001  # importing it runs somebody else's code
            broken.append(_broken(plugin, error))
        else:
            found[source.name] = source
    files = [source for source in found.values() if isinstance(source, FileSource)]
    return SourceRegistry(
        files=tuple(sorted(files, key=lambda source: source.order)),
        live=tuple(source for source in found.values() if isinstance(source, LiveSource)),
        broken=tuple(broken),
    )


def _built_in() -> Iterator[Source]:
    for module in pkgutil.iter_modules(sources.__path__, f"{sources.__name__}."):
        source = getattr(import_module(module.name), "SOURCE", None)
        if source is not None:
            yield source


def _broken(plugin: EntryPoint, error: Exception) -> SourceError:
    package = plugin.dist.name if plugin.dist else plugin.module
    return SourceError(
        f"cannot be loaded ({type(error).__name__}: {error})",
        where=f"source '{plugin.name}' of {package}",
        fix=f"Update or uninstall {package}",
    )


def is_live(source: str) -> bool:
    """Whether `source` is the address of an account on a network, not a path."""
    return _live_source(source) is not None


def parse_address(source: str) -> AccountAddress:
    """The account that an address names. Raises SourceError for an invalid one."""
    found = _live_source(source)
    if found is None:
        prefixes = ", ".join(live.prefix for live in source_registry().live)
        raise SourceError(
            "is not an address of an account",
            where=source[:200],
            fix=f"Start it with one of: {prefixes}",
        )
    return found.parse(source)


def read_source(
    source: str,
    limits: ArchiveLimits | None = None,
    options: ReadOptions | None = None,
    live: LiveReading | None = None,
) -> AccountPosts:
    """The posts of one account in a file or folder, or of the account at an address.

    `PATH#HANDLE` selects one author in a file that has several. `live` says how a network is read.
    Raises SourceError, with the file and its line or member, for anything that cannot be read.
    """
    network = _live_source(source)
    if network is not None:
        return network.read(network.parse(source), live or LiveReading())
    path, chosen = _with_account(source, options or ReadOptions())
    with open_container(path, limits) as container:
        for file_source in source_registry().files:
            if file_source.recognize(container, chosen):
                found = file_source.read(path, container, chosen)
                if not any(True for _ in found.posts):
                    raise SourceError("contains no posts", where=path, fix="Export it again")
                return replace(found, source=source)
        raise _unrecognized(path, container)


def _live_source(source: str) -> LiveSource | None:
    return next((one for one in source_registry().live if source.startswith(one.prefix)), None)


def _with_account(source: str, options: ReadOptions) -> tuple[str, ReadOptions]:
    """The path, and options with the handle after the #, which may also be part of a file name."""
    path, mark, handle = source.rpartition("#")
    if not (mark and path and handle) or _exists(source) or not _exists(path):
        return source, options
    return path, replace(options, account=handle)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _unrecognized(path: str, container: Container) -> SourceError:
    is_file = isinstance(container, FileContainer)
    what = "is not in a format that hubtools reads" if is_file else "contains no posts"
    if container.outside:
        return SourceError(
            f"{what}, and {container.outside[0]} is a symbolic link out of the folder",
            where=path,
            fix="Replace the link by the folder itself",
        )
    found = source_registry()
    fixes = [f"Use one of: {'; '.join(one.description for one in found.files)}"]
    fixes += [f"Not loaded: {error}" for error in found.broken]
    return SourceError(what, where=path, fix=". ".join(fixes))
