"""As much of GitHub's API as a comment on a pull request needs, over HTTP."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

BOT = "github-actions[bot]"
_PAGE = 3
_ALL = re.compile(r"/repos/acme/cards/issues/(\d+)/comments")
_ONE = re.compile(r"/repos/acme/cards/issues/comments/(\d+)")


@dataclass
class GitHub:
    """The comments on the pull requests of acme/cards."""

    comments: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refuses: int | None = None
    """The status with which writing is answered, as for a token that may only read."""
    exchanges: list[dict[str, str]] = field(default_factory=list)
    """What was asked of the token exchange of trusted publishing."""
    hub_token: str = ""

    def say(self, number: int, login: str, body: str) -> dict[str, Any]:
        comment = {
            "id": 1000 + len(self.comments),
            "issue": number,
            "user": {"login": login},
            "body": body,
        }
        self.comments.append(comment)
        return comment

    def of(self, login: str) -> list[str]:
        return [comment["body"] for comment in self.comments if comment["user"]["login"] == login]


@contextmanager
def github() -> Iterator[tuple[GitHub, str]]:
    """A GitHub without comments, and the address of its API."""
    state = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/id-token":
                self._answer(200, {"value": f"id-token for {parse_qs(url.query)['audience'][0]}"})
                return
            found = _ALL.fullmatch(url.path)
            assert found
            mine = [c for c in state.comments if c["issue"] == int(found[1])]
            page = int(parse_qs(url.query).get("page", ["1"])[0])
            more = mine[page * _PAGE :]
            link = f'<{self._base}{url.path}?page={page + 1}>; rel="next", <x>; rel="last"'
            self._answer(200, mine[(page - 1) * _PAGE : page * _PAGE], link if more else "")

        def do_POST(self) -> None:
            document = self._document()
            if self.path == "/oauth/token":
                state.exchanges.append(document)
                self._answer(200, {"access_token": state.hub_token, "expires_in": 3600})
            elif state.refuses is not None:
                self._answer(state.refuses, {"message": "Resource not accessible by integration"})
            else:
                found = _ALL.fullmatch(self.path)
                assert found
                self._answer(201, state.say(int(found[1]), BOT, document["body"]))

        def do_PATCH(self) -> None:
            found, document = _ONE.fullmatch(self.path), self._document()
            assert found
            comment = next(c for c in state.comments if c["id"] == int(found[1]))
            comment["body"] = document["body"]
            self._answer(200, comment)

        @property
        def _base(self) -> str:
            return f"http://{self.headers['Host']}"

        def _document(self) -> Any:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def _answer(self, status: int, document: Any, link: str = "") -> None:
            state.asked.append(self.command)
            data = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            if link:
                self.send_header("Link", link)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield state, f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
