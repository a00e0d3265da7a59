"""The Action's one comment on a pull request: posted once, and updated from then on.

It is found by a hidden marker, among the comments of the Action's own account. A comment that
cannot be posted fails nothing: the job's summary says the same. Needs nothing but Python.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

_BOT = "github-actions[bot]"
_NEXT = re.compile(r'<([^<>]+)>;\s*rel="next"')
_SECONDS = 30
_MOST = 65_000  # characters; GitHub takes 65,536
_NOT_ALLOWED = frozenset({401, 403, 404})


@dataclass(frozen=True)
class Discussion:
    """The comments of one pull request."""

    api: str
    repository: str
    number: int
    token: str

    def comments(self) -> Iterator[dict[str, Any]]:
        """All comments, the oldest first."""
        url: str | None = f"{self._all}?per_page=100"
        while url is not None:
            found, link = self._ask("GET", url)
            yield from found
            following = _NEXT.search(link)
            url = following[1] if following and following[1].startswith(f"{self.api}/") else None

    def write(self, body: str, comment: int | None) -> None:
        """Replace a comment of ours; without one, post the first."""
        if comment is None:
            self._ask("POST", self._all, {"body": body})
        else:
            url = f"{self.api}/repos/{self.repository}/issues/comments/{comment}"
            self._ask("PATCH", url, {"body": body})

    @property
    def _all(self) -> str:
        return f"{self.api}/repos/{self.repository}/issues/{self.number}/comments"

    def _ask(
        self, method: str, url: str, document: Mapping[str, str] | None = None
    ) -> tuple[Any, str]:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "hubtools",
        }
        data = None if document is None else json.dumps(document).encode()
        with urlopen(Request(url, data, headers, method=method), timeout=_SECONDS) as answer:
            return json.load(answer), answer.headers.get("Link", "")


def marker_of(project: str) -> str:
    """The first line of the comment, which nobody sees: each project has a comment of its own."""
    return f"<!-- hubtools-plan {hashlib.sha256(project.encode()).hexdigest()[:16]} -->"


def own_comment(discussion: Discussion, marker: str) -> int | None:
    """Our comment's number. What a person wrote is not ours, whatever stands in it."""
    for comment in discussion.comments():
        author = (comment.get("user") or {}).get("login")
        if author == _BOT and (comment.get("body") or "").startswith(marker):
            return int(comment["id"])
    return None


def main() -> None:
    environment = os.environ
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_bytes())
    pull_request = event["pull_request"]
    repository = environment["GITHUB_REPOSITORY"]
    discussion = Discussion(
        environment["GITHUB_API_URL"], repository, pull_request["number"], environment["TOKEN"]
    )
    server, run = environment["GITHUB_SERVER_URL"], environment["GITHUB_RUN_ID"]
    commit, page = pull_request["head"]["sha"][:12], f"{server}/{repository}/actions/runs/{run}"
    marker = marker_of(environment["PROJECT"])
    text = (Path(environment["FOLDER"]) / "summary.md").read_text(encoding="utf-8")
    try:
        comment = own_comment(discussion, marker)
        if comment is not None or environment["NEWS"] == "true":
            foot = f"<sub>{commit} · [run]({page})</sub>"
            discussion.write(f"{marker}\n{text[:_MOST]}\n{foot}\n", comment)
    except HTTPError as error:
        _excuse(f"HTTP {error.code}", expected=error.code in _NOT_ALLOWED)
    except (URLError, TimeoutError, ConnectionError, ValueError) as error:
        _excuse(type(error).__name__, expected=False)


def _excuse(why: str, *, expected: bool) -> None:
    """A token that may not comment is what pull requests from forks have."""
    level = "notice" if expected else "warning"
    print(
        f"::{level} title=No comment::The plan is in the job's summary alone ({why}). A comment "
        "needs `pull-requests: write`, which pull requests from forks do not get."
    )


if __name__ == "__main__":
    main()
