"""What somebody who adds a source of posts can rely on."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hubtools.core.errors import SourceError
from hubtools.posts import registry, sources
from hubtools.posts.formats.container import Container
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, AccountPosts, Post
from hubtools.posts.registry import build_registry, read_source, source_registry
from hubtools.posts.source import FileSource, LiveSource

PLUGIN = """
from hubtools.posts.post import Account, AccountPosts, Post
from hubtools.posts.source import FileSource

def recognize(container, options):
    return "threads.marker" in container.names

def read(path, container, options):
    return AccountPosts(path, "0" * 64, Account("file", "spinner"), (Post("1", "a thread"),))

SOURCE = FileSource(
    name="threads", description="an archive from Threads", recognize=recognize, read=read
)
NOT_A_SOURCE = 7
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "hubtools_threads.py").write_text(PLUGIN)
    (tmp_path / "hubtools_broken.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "hubtools_threads"
    sys.modules.pop("hubtools_threads", None)


def plugin(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, registry.ENTRY_POINT_GROUP)


def test_every_module_of_the_folder_is_a_source() -> None:
    found = source_registry()
    names = [source.name for source in (*found.files, *found.live)]
    modules = [module.name for module in pkgutil.iter_modules(sources.__path__)]
    assert len(set(names)) == len(names) == len(modules) - 1, "all but memory.py"
    for module in set(modules) - {"memory"}:
        source = importlib.import_module(f"{sources.__name__}.{module}").SOURCE
        assert source in found.files + found.live
        assert source.description
    assert found.broken == ()


def test_specific_sources_come_before_those_that_recognize_much() -> None:
    names = [source.name for source in source_registry().files]
    assert names[-3:] == ["json", "csv", "text"]


def test_another_package_adds_a_source(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (*source_registry().files, *source_registry().live)
    found = build_registry(own, [plugin("threads", f"{package}:SOURCE")])
    monkeypatch.setattr(registry, "source_registry", lambda: found)
    folder = tmp_path / "archive"
    folder.mkdir()
    (folder / "threads.marker").write_text("x")
    posts = read_source(str(folder))
    assert (posts.account.handle, list(posts.posts)) == ("spinner", [Post("1", "a thread")])


@pytest.mark.parametrize(
    "value",
    [
        "hubtools_broken:SOURCE",
        "hubtools_threads:MISSING",
        "hubtools_threads:NOT_A_SOURCE",
        "no_such_package:SOURCE",
    ],
)
def test_a_broken_package_is_named_and_stops_no_other(
    value: str, package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = (*source_registry().files, *source_registry().live)
    plugins = [plugin("broken", value), plugin("threads", f"{package}:SOURCE")]
    found = build_registry(own, plugins)
    assert "threads" in [source.name for source in found.files]
    (error,) = found.broken
    assert "broken" in str(error.where)
    assert error.fix
    monkeypatch.setattr(registry, "source_registry", lambda: found)
    (tmp_path / "posts.csv").write_text("text\nhello\n")
    assert [post.text for post in read_source(str(tmp_path / "posts.csv")).posts] == ["hello"]
    (tmp_path / "odd").write_bytes(b"\x01\x02")
    with pytest.raises(SourceError) as caught:
        read_source(str(tmp_path / "odd"))
    assert str(error.where) in str(caught.value.fix)


def test_a_name_that_is_taken_is_refused(package: str) -> None:
    source = plugin("threads", f"{package}:SOURCE")
    found = build_registry([], [source, source])
    assert (len(found.files), len(found.broken)) == (1, 1)


def test_a_live_source_is_known_by_its_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    from hubtools.posts.live.address import AccountAddress

    posts = AccountPosts("threads:spinner", "0", Account("file", "spinner"), (Post("1", "hi"),))
    live = LiveSource(
        name="threads-live",
        description="an account on Threads",
        prefix="threads:",
        parse=lambda source: AccountAddress("file", source.removeprefix("threads:")),
        read=lambda address, reading: posts,
    )
    found = build_registry([live], [])
    monkeypatch.setattr(registry, "source_registry", lambda: found)
    assert registry.is_live("threads:spinner")
    assert registry.parse_address("threads:spinner").handle == "spinner"
    assert read_source("threads:spinner") is posts


def test_a_source_is_a_plain_value() -> None:
    def recognize(container: Container, options: ReadOptions) -> bool:
        return False

    def read(path: str, container: Container, options: ReadOptions) -> AccountPosts:
        raise NotImplementedError

    source = FileSource(name="a", description="b", recognize=recognize, read=read)
    assert build_registry([source], []).files == (source,)
