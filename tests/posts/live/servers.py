"""Servers on loopback that answer as the networks do, with an invented account each."""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from operator import itemgetter
from typing import Any
from urllib.parse import parse_qs, urlsplit

DID = "did:plc:abcdefghijklmnopqrstuvwx"


@dataclass
class Reply:
    """What a server answers; `cut` breaks the connection in the middle of the body."""

    document: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: bool = False
    body: bytes | None = None


Respond = Callable[[str, Mapping[str, str]], Reply]


@dataclass
class Clock:
    """Time that passes only by sleeping."""

    now: float = 1_790_000_000.0
    slept: list[float] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@dataclass
class Served:
    """A running server: where it is, what it was asked, and what goes wrong next."""

    base: str
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    faults: dict[int, Reply] = field(default_factory=dict)
    """By the number of the request, from 0: what is answered in its place."""

    def paths(self) -> list[str]:
        return [urlsplit(one).path.rpartition("/")[2] for one in self.asked]


@contextmanager
def serving(respond: Callable[[Served], Respond]) -> Iterator[Served]:
    """Answer requests on loopback until the block ends."""
    served = Served("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            number = len(served.asked)
            served.asked.append(self.path)
            served.agents.add(self.headers["User-Agent"])
            parts = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
            reply = served.faults.get(number) or answer(parts.path, query)
            body = json.dumps(reply.document).encode() if reply.body is None else reply.body
            self.send_response_only(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if reply.cut else body)
            self.close_connection = reply.cut

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served.base = f"http://127.0.0.1:{server.server_address[1]}"
    answer = respond(served)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def status(number: int, **changes: Any) -> dict[str, Any]:
    """A status as a server gives it, in the fields that matter and some that do not."""
    return {
        "id": f"11702058{number:010}",
        "created_at": f"2026-08-{1 + number % 28:02}T13:52:34.108Z",
        "in_reply_to_id": None,
        "spoiler_text": "",
        "visibility": "public",
        "language": "en",
        "content": f"<p>The tide came in at {number} &amp; went out again</p>",
        "reblog": None,
        "account": {"id": "77", "acct": "gull"},
        "media_attachments": [],
        **changes,
    }


@dataclass
class Mastodon:
    """One account, `gull`, and its statuses, the newest last."""

    statuses: list[dict[str, Any]]
    profile: dict[str, Any] = field(default_factory=dict)
    link: bool = True

    def __call__(self, served: Served) -> Respond:
        def respond(path: str, query: Mapping[str, str]) -> Reply:
            if path == "/api/v1/accounts/lookup" and query["acct"] == "gull":
                return Reply(self.account(served.base))
            if path == "/api/v1/accounts/77/statuses":
                return self.page(served.base + path, query)
            return Reply({"error": "Record not found"}, 404)

        return respond

    def account(self, base: str) -> dict[str, Any]:
        return {
            "id": "77",
            "username": "gull",
            "acct": "gull",
            "display_name": "Gull on the pier ⚓",
            "locked": False,
            "indexable": True,
            "noindex": False,
            "note": "<p>I watch the water</p>",
            "url": f"{base}/@gull",
            "avatar": f"{base}/avatars/gull.jpg",
            "statuses_count": len(self.statuses),
            **self.profile,
        }

    def page(self, url: str, query: Mapping[str, str]) -> Reply:
        end = bisect_left(self.statuses, query.get("max_id", "9"), key=itemgetter("id"))
        page = self.statuses[max(0, end - int(query["limit"])) : end][::-1]
        link = f'<{url}?limit=40&min_id={page[0]["id"]}>; rel="prev"' if page else ""
        if end > len(page):
            after = f"{url}?limit=40&exclude_reblogs=false&max_id={page[-1]['id']}"
            link = f'<{after}>; rel="next", {link}'
        limits = {"X-RateLimit-Limit": "300", "X-RateLimit-Remaining": "299"}
        return Reply(page, headers={**limits, "Link": link} if self.link else limits)


def record(number: int, collection: str = "app.bsky.feed.post", **changes: Any) -> dict[str, Any]:
    value = {
        "$type": collection,
        "text": f"Wind from the west, {number} knots",
        "langs": ["en"],
        "createdAt": f"2026-08-{1 + number % 28:02}T10:00:00.000Z",
        **changes,
    }
    return {"uri": f"at://{DID}/{collection}/3k{number:011}", "cid": "bafyrei", "value": value}


@dataclass
class Bluesky:
    """Public API, DID directory and the account's own server in one."""

    collections: dict[str, list[dict[str, Any]]]
    """Records by collection, the newest last."""
    profile: dict[str, Any] = field(default_factory=dict)
    server: str | None = None
    """What the DID document says; None for this one."""
    loops: bool = False
    """Give the first cursor again and again."""

    def __call__(self, served: Served) -> Respond:
        def respond(path: str, query: Mapping[str, str]) -> Reply:
            method = path.removeprefix("/xrpc/")
            if method == "com.atproto.identity.resolveHandle":
                if query["handle"] == "tern.bsky.example":
                    return Reply({"did": DID})
                words = "Unable to resolve handle"
                return Reply({"error": "InvalidRequest", "message": words}, 400)
            if method == "app.bsky.actor.getProfile":
                return Reply(self.view())
            if path == f"/{DID}":
                endpoint = self.server or served.base
                service = {"id": "#atproto_pds", "serviceEndpoint": endpoint}
                return Reply({"id": DID, "service": [{"id": "#other"}, service]})
            if method == "com.atproto.repo.listRecords":
                return self.page(query)
            return Reply({"error": "NotFound"}, 404)

        return respond

    def view(self) -> dict[str, Any]:
        posts = self.collections.get("app.bsky.feed.post", [])
        return {
            "did": DID,
            "handle": "tern.bsky.example",
            "displayName": "Tern",
            "avatar": "https://cdn.example/tern.jpg",
            "postsCount": len(posts),
            "labels": [],
            **self.profile,
        }

    def page(self, query: Mapping[str, str]) -> Reply:
        assert query["repo"] == DID
        all_of_them = self.collections.get(query["collection"], [])
        limits = {"ratelimit-remaining": "2999", "ratelimit-reset": "1790000300"}
        before = query.get("cursor", "z")
        older = [r for r in all_of_them if r["uri"].rpartition("/")[2] < before]
        page = older[::-1][: int(query["limit"])]
        document: dict[str, Any] = {"records": page}
        if page and (self.loops or len(older) > len(page)):
            document["cursor"] = "3zz" if self.loops else page[-1]["uri"].rpartition("/")[2]
        return Reply(document, headers=limits)
