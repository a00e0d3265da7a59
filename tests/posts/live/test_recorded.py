"""What a real server answered, from the test suite of a client library, served again."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from hubtools.core.errors import SourceError
from hubtools.posts.live.remote_account import GoneError
from hubtools.posts.registry import read_source
from tests.posts.live.conftest import Asking
from tests.posts.live.servers import Reply, serving

SOURCE = "mastodon:mastodonpy_test@sea.example"


@pytest.fixture
def recorded(shared_data: Path) -> dict[str, Reply]:
    """By path and cursor; the first answer to each."""
    answers: dict[str, Reply] = {}
    for name in ("test_account_lookup.yaml", "test_fetch_next_previous.yaml"):
        tape = yaml.safe_load((shared_data / "mastodon_api" / name).read_text())
        for one in tape["interactions"]:
            if one["request"]["method"] != "GET":
                continue
            parts = urlsplit(one["request"]["uri"])
            query = parse_qs(parts.query)
            key = "".join(query.get("acct", query.get("max_id", [""])))
            response = one["response"]
            kept = ("link", "x-ratelimit-remaining", "x-ratelimit-reset")
            headers = {k: v[0] for k, v in response["headers"].items() if k in kept}
            document = json.loads(response["body"]["string"])
            reply = Reply(document, response["status"]["code"], headers)
            answers.setdefault(f"{parts.path} {key}", reply)
    return answers


def test_a_recorded_account_is_read(asking: Asking, recorded: dict[str, Reply]) -> None:
    """Its posts were unlisted, so none counts; made public, all ten do."""

    def respond(path: str, query: dict[str, str]) -> Reply:
        key = query.get("acct", query.get("max_id", ""))
        return recorded.get(f"{path} {key}", Reply([], headers={"link": ""}))

    with serving(lambda _: respond) as served:
        with pytest.raises(SourceError):
            read_source(SOURCE, live=asking(served))
        for reply in recorded.values():
            for status in reply.document if isinstance(reply.document, list) else ():
                status["visibility"] = "public"

        found = read_source(SOURCE, live=asking(served))
    assert found.account.name == "John Lennon"
    assert [post.text for post in found.posts] == [f"Toot number {n}!" for n in range(9, -1, -1)]


def test_a_recorded_stranger_is_none(asking: Asking, recorded: dict[str, Reply]) -> None:
    missing = recorded["/api/v1/accounts/lookup kljadklajsdkljlkjlkjlkjasdasd"]
    with (
        serving(lambda _: lambda path, query: missing) as served,
        pytest.raises(GoneError),
    ):
        read_source("mastodon:kljadklajsdkljlkjlkjlkjasdasd@sea.example", live=asking(served))
