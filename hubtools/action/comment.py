"""The Action's one comment on a pull request: posted once, and updated from then on.

A hidden marker identifies it among the comments of the Action's own account. A comment that cannot
be posted does not fail the job, whose summary says the same. Needs only Python.
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
_TIMEOUT = 30  # seconds
_MAX_LENGTH = 65_000  # characters; GitHub's limit is 65,536
_NOT_ALLOWED = frozenset({401, 403, 404})


@dataclass(frozen=True)
class PullRequestComments:
    api: str
    repository: str
    number: int
    token: str

    def list(self) -> Iterator[dict[str, Any]]:
        """All comments, oldest first."""
        url: str | None = f"{self._all}?per_page=100"
        while url is not None:
            found, link = self._request("GET", url)
            yield from found
            following = _NEXT.search(link)
            url = following[1] if following and following[1].startswith(f"{self.api}/") else None

    def write(self, body: str, comment: int | None) -> None:
        """Update the comment with this number; post a new one for None."""
        if comment is None:
            self._request("POST", self._all, {"body": body})
        else:
            url = f"{self.api}/repos/{self.repository}/issues/comments/{comment}"
            self._request("PATCH", url, {"body": body})

    @property
    def _all(self) -> str:
        return f"{self.api}/repos/{self.repository}/issues/{self.number}/comments"

    def _request(
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
        with urlopen(Request(url, data, headers, method=method), timeout=_TIMEOUT) as response:
            return json.load(response), response.headers.get("Link", "")


def marker_of(project: str) -> str:
    """The invisible first line of a project's comment."""
    return f"<!-- hubtools-plan {hashlib.sha256(project.encode()).hexdigest()[:16]} -->"


def own_comment(comments: PullRequestComments, marker: str) -> int | None:
    """Our comment's number. A person's comment is never ours, whatever it contains."""
    for comment in comments.list():
        author = (comment.get("user") or {}).get("login")
        if author == _BOT and (comment.get("body") or "").startswith(marker):
            return int(comment["id"])
    return None


def main() -> None:
    environment = os.environ
    event = json.loads(Path(environment["GITHUB_EVENT_PATH"]).read_bytes())
    pull_request = event["pull_request"]
    repository = environment["GITHUB_REPOSITORY"]
    comments = PullRequestComments(
        environment["GITHUB_API_URL"], repository, pull_request["number"], environment["TOKEN"]
    )
    server, run = environment["GITHUB_SERVER_URL"], environment["GITHUB_RUN_ID"]
    commit, page = pull_request["head"]["sha"][:12], f"{server}/{repository}/actions/runs/{run}"
    marker = marker_of(environment["PROJECT"])
    text = (Path(environment["FOLDER"]) / "summary.md").read_text(encoding="utf-8")
    try:
        comment = own_comment(comments, marker)
        if comment is not None or environment["NEWS"] == "true":
            foot = f"<sub>{commit} · [run]({page})</sub>"
            comments.write(f"{marker}\n{text[:_MAX_LENGTH]}\n{foot}\n", comment)
    except HTTPError as error:
        _warn(f"HTTP {error.code}", expected=error.code in _NOT_ALLOWED)
    except (URLError, TimeoutError, ConnectionError, ValueError) as error:
        _warn(type(error).__name__, expected=False)


def _warn(why: str, *, expected: bool) -> None:
    """Pull requests from forks have a token that may not comment, so that is expected."""
    level = "notice" if expected else "warning"
    print(
        f"::{level} title=No comment::GitHub refused the comment ({why}); the plan is in the job "
        "summary. Comments need `pull-requests: write`, which pull requests from forks lack."
    )


if __name__ == "__main__":
    main()
