"""Avatars over HTTP: what is taken, what is not, and that no picture is ever needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hubtools.posts.live import avatars
from hubtools.posts.live.avatars import CACHE_LIFETIME, AvatarFetcher, default_fetcher

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


@dataclass
class Site:
    """A server that gives out what `pages` holds: status, headers and body by path."""

    base: str
    pages: dict[str, tuple[int, dict[str, str], bytes]]
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            status, headers, body = found.pages.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in {"Content-Type": "image/png", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found = Site(f"http://127.0.0.1:{server.server_port}", {})
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def fetcher(site: Site, tmp_path: Path) -> AvatarFetcher:
    return AvatarFetcher(tmp_path, frozenset((site.base,)))


def test_a_picture_is_asked_for_once(site: Site, fetcher: AvatarFetcher) -> None:
    site.pages["/a"] = (200, {}, PNG)
    assert [fetcher.fetch(f"{site.base}/a") for _ in range(3)] == [PNG] * 3
    assert site.asked == ["/a"]


def test_it_is_asked_for_again_a_week_later(site: Site, fetcher: AvatarFetcher) -> None:
    site.pages["/a"] = (200, {}, PNG)
    fetcher.fetch(f"{site.base}/a")
    (kept,) = (file for file in fetcher.cache.rglob("*") if file.is_file())
    old = kept.stat().st_mtime - CACHE_LIFETIME - 60
    os.utime(kept, (old, old))
    assert replace(fetcher, offline=True).fetch(f"{site.base}/a") == PNG
    fetcher.fetch(f"{site.base}/a")
    assert site.asked == ["/a", "/a"]


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (404, {}, PNG),
        (500, {}, PNG),
        (200, {"Content-Type": "text/html"}, PNG),
        (200, {"Content-Type": "image/svg+xml"}, b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        (200, {}, b"<html>"),
        (200, {}, PNG + bytes(avatars.BYTES_LIMIT)),
        (200, {"Content-Length": "9999"}, PNG),
        (200, {"Content-Encoding": "gzip"}, PNG),
        (302, {"Location": "/there"}, b""),
        (302, {"Location": "http://127.0.0.1:1/a"}, b""),
        (302, {"Location": "file:///etc/passwd"}, b""),
        (302, {"Location": "http://["}, b""),
    ],
    ids=[
        "gone", "broken", "page", "svg", "no-picture", "large", "cut", "encoded", "loop",
        "elsewhere", "file", "nonsense",
    ],
)  # fmt: skip
def test_anything_else_is_no_avatar_and_not_asked_again(
    status: int, headers: dict[str, str], body: bytes, site: Site, fetcher: AvatarFetcher
) -> None:
    site.pages["/there"] = (status, headers, body)
    assert fetcher.fetch(f"{site.base}/there") is None
    asked = len(site.asked)
    assert fetcher.fetch(f"{site.base}/there") is None
    assert len(site.asked) == asked


def test_a_redirect_is_followed(site: Site, fetcher: AvatarFetcher) -> None:
    site.pages.update({"/a": (301, {"Location": "/b"}, b""), "/b": (200, {}, PNG)})
    assert fetcher.fetch(f"{site.base}/a") == PNG


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://pictures.example/a.png", "93.184.215.14"),
        ("https://pictures.example/a.png", "127.0.0.1"),
        ("https://pictures.example/a.png", "10.0.0.8"),
        ("https://pictures.example/a.png", "169.254.169.254"),
        ("https://pictures.example/a.png", "::ffff:192.168.1.1"),
        ("https://localhost/a.png", ""),
        ("https://user:secret@pictures.example/a.png", ""),
        ("file:///etc/passwd", ""),
        ("not an address", ""),
        ("https://[", ""),
    ],
)
def test_nobody_else_is_asked(
    url: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect(*_: object, **__: object) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr("socket.create_connection", connect)
    assert AvatarFetcher(tmp_path, resolve=lambda host: [address]).fetch(url) is None


def test_offline(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    fetcher = replace(default_fetcher(tmp_path), trusted=frozenset((site.base,)))
    assert fetcher.fetch(f"{site.base}/a") is None
    assert site.asked == []


def test_a_cache_that_cannot_be_written(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    site.pages["/a"] = (200, {}, PNG)
    fetcher = AvatarFetcher(tmp_path / "file", frozenset((site.base,)))
    assert fetcher.fetch(f"{site.base}/a") == PNG
