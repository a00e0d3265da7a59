"""Reading as a service: sources in, what training would see of each out."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.config import Config, ConsentConfig, Project
from hubtools.core.errors import PolicyError, UsageError
from hubtools.core.events import Event, Note, Reporter
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account
from hubtools.posts.sources.memory import account_posts
from hubtools.services.read import ReadRequest, read


@pytest.fixture
def table(tmp_path: Path) -> Path:
    file = tmp_path / "posts.csv"
    file.write_text("text,username,lang\nthe lamp is lit,keeper,en\nyes,keeper,en\n")
    return file


def test_each_source_becomes_a_corpus_in_the_order_of_the_request(
    table: Path, tmp_path: Path
) -> None:
    events: list[Event] = []
    data = account_posts(["what a fine day"], Account("x", "mate"))
    request = ReadRequest(project=Project(tmp_path), sources=(data, table))
    mate, keeper = read(request, Reporter((events.append,)), CancelToken()).corpora
    assert (mate.account.handle, mate.counts.kept) == ("mate", 1)
    assert (keeper.account.handle, keeper.counts.kept) == ("keeper", 1)
    assert keeper.reasons == {"fewer than three words": 1}
    assert len([event for event in events if isinstance(event, Note)]) == 2


def test_cleaning_and_language_are_those_of_the_request(table: Path, tmp_path: Path) -> None:
    request = ReadRequest(
        project=Project(tmp_path), sources=(table,), cleaning="huggingtweets", language="de"
    )
    (corpus,) = read(request, Reporter(), CancelToken()).corpora
    assert corpus.reasons == {"in another language": 2}


def test_the_same_posts_twice_are_refused(table: Path, tmp_path: Path) -> None:
    request = ReadRequest(project=Project(tmp_path), sources=(table, str(table)))
    with pytest.raises(UsageError) as caught:
        read(request, Reporter(), CancelToken())
    assert caught.value.where == str(table)


def test_posts_in_memory_are_refused_by_the_deny_list_too(tmp_path: Path) -> None:
    (tmp_path / "deny.txt").write_text("x:mate\n")
    project = Project(tmp_path, Config(consent=ConsentConfig(deny="deny.txt")))
    data = account_posts(["what a fine day"], Account("x", "mate"))
    with pytest.raises(PolicyError):
        read(ReadRequest(project=project, sources=(data,)), Reporter(), CancelToken())


def test_unlisted_posts_of_a_live_account_cannot_be_read(tmp_path: Path) -> None:
    request = ReadRequest(
        project=Project(tmp_path),
        sources=("bluesky:tern.bsky.social",),
        options=ReadOptions(unlisted=True),
    )
    with pytest.raises(UsageError) as caught:
        read(request, Reporter(), CancelToken())
    assert caught.value.where == "bluesky:tern.bsky.social"


def test_a_cancelled_reading_stops(table: Path, tmp_path: Path) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(CancelledError):
        read(ReadRequest(project=Project(tmp_path), sources=(table,)), Reporter(), cancel)
