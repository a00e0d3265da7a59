"""What a visitor can do, without the page in front of it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.cards.card_file import load_card
from hubtools.core.config import Config, ConsentConfig, Project
from hubtools.core.errors import AccessError, PolicyError, UsageError
from hubtools.core.events import Progress
from hubtools.demo.messages import (
    DemoEvent,
    JobCancelled,
    JobFailed,
    JobTimedOut,
    ModelPublished,
    ModelTrained,
    PostsRead,
)
from hubtools.demo.options import DemoLimits, DemoOptions
from hubtools.demo.session import DemoSession, chosen_sources
from hubtools.demo.sessions import DemoSessions
from tests.makers import command, posts, write_archive, write_recipe

MakeSessions = Callable[..., DemoSessions]


def end_of(events: Iterator[DemoEvent]) -> DemoEvent:
    *_, last = events
    return last


def with_posts(session: DemoSession, archive: Path) -> DemoSession:
    assert isinstance(end_of(session.read(session.take_uploads([archive]))), PostsRead)
    return session


def trained(session: DemoSession, archive: Path, name: str = "") -> DemoSession:
    end = end_of(with_posts(session, archive).train("My dream is", name))
    assert isinstance(end, ModelTrained), end
    return session


def test_from_posts_to_a_published_model(
    make_sessions: MakeSessions, options: DemoOptions, archive: Path, tmp_path: Path
) -> None:
    sessions = make_sessions()
    session = sessions.get("a")
    seen = end_of(session.read(session.take_uploads([archive])))
    assert isinstance(seen, PostsRead)
    (account,) = seen.accounts
    assert (account.corpus.counts.downloaded, account.corpus.counts.kept) == (300, 300)
    assert account.title == "Fog Watch 🌫️ @fogwatch"
    assert len(account.samples) == 5 and account.refusal is None

    events = list(session.train("Today", "the-fog"))
    assert isinstance(events[-1], ModelTrained), events[-1]
    losses = [event for event in events if isinstance(event, Progress) and event.metrics]
    assert losses[-1].done == losses[-1].total
    assert session.card.repo == "the-fog" and session.card.prompt == "Today"

    made = [prediction for prediction, repeats in session.predict("The heron", 10) if not repeats]
    assert made and all(one.text.startswith("The heron") for one in made)
    before = session.thumbnail()
    assert session.choose(made[0]) == session.thumbnail() != before
    assert session.card.predictions[0] == made[0]

    with zipfile.ZipFile(session.download()) as download:
        download.extractall(tmp_path / "unpacked")
    assert load_card(tmp_path / "unpacked/cards/the-fog.toml") == session.card
    assert (
        tmp_path / "unpacked/models/the-fog/predictions.png"
    ).read_bytes() == session.thumbnail()
    said = command("predict", "models/the-fog", "Today", "-n", "2", cwd=tmp_path / "unpacked")
    assert said.stdout.count("• Today") == 2, said.stderr

    done = end_of(session.publish(options.to, None, None))
    assert isinstance(done, ModelPublished), done
    assert done.repo == "me/the-fog"
    listed = command("plan", "--to", options.to, "--exit-code", cwd=tmp_path / "unpacked")
    assert listed.returncode == 0, listed.stdout  # the download is what was published


def test_who_comes_again_updates_what_they_published(
    make_sessions: MakeSessions, options: DemoOptions, archive: Path
) -> None:
    """A chosen picture is ours, also to a visitor who remembers nothing of the first session."""
    sessions = make_sessions()
    for key, prompt in (("first", "Today"), ("second", "The fog")):
        session = trained(sessions.get(key), archive)
        made = [prediction for prediction, repeats in session.predict(prompt, 10) if not repeats]
        session.choose(made[0])
        done = end_of(session.publish(options.to, None, None))
        assert isinstance(done, ModelPublished), done


def test_a_stopped_training_goes_on_where_it_was(
    make_sessions: MakeSessions, options: DemoOptions, archive: Path
) -> None:
    recipe = write_recipe(Path(str(options.recipe)), epochs=400)
    session = with_posts(make_sessions(replace(options, recipe=str(recipe))).get("a"), archive)
    reached = stop_after(session, 5.0)
    again = session.train("My dream is", "")
    first = next(e.done for e in again if isinstance(e, Progress) and e.task == "train" and e.done)
    assert first > reached
    session.stop()
    assert isinstance(end_of(again), JobCancelled)


def stop_after(session: DemoSession, steps: float) -> float:
    """Train, and stop at the first step that is said after so many; the last one that was."""
    reached = 0.0
    for event in session.train("My dream is", ""):
        if isinstance(event, Progress) and event.task == "train":
            reached = event.done
            if reached >= steps:
                session.stop()
        ended = event
    assert isinstance(ended, JobCancelled), ended
    return reached


def test_a_training_that_takes_too_long_is_stopped(
    make_sessions: MakeSessions, options: DemoOptions, archive: Path
) -> None:
    chosen = replace(options, limits=DemoLimits(max_train_minutes=0.0001))
    session = with_posts(make_sessions(chosen).get("a"), archive)
    end = end_of(session.train("My dream is", ""))
    assert end == JobTimedOut(0.0001)


def test_too_few_posts_are_refused_before_training(
    make_sessions: MakeSessions, tmp_path: Path
) -> None:
    session = make_sessions().get("a")
    few = write_archive(tmp_path / "few.zip", posts(20))
    seen = end_of(session.read(session.take_uploads([few])))
    assert isinstance(seen, PostsRead)
    assert not seen.trainable and seen.accounts[0].refusal


def test_a_damaged_archive_is_an_error_with_its_name(
    make_sessions: MakeSessions, archive: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.zip"
    half.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    session = make_sessions().get("a")
    end = end_of(session.read(session.take_uploads([half])))
    assert isinstance(end, JobFailed) and "half.zip" in end.error


def test_the_deny_list_of_whoever_runs_it_holds(
    make_sessions: MakeSessions, options: DemoOptions, archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "deny.txt").write_text("x:fogwatch\n")
    project = Project(tmp_path, Config(consent=ConsentConfig(deny="deny.txt")))
    session = make_sessions(options, project).get("a")
    end = end_of(session.read(session.take_uploads([archive])))
    assert isinstance(end, JobFailed) and end.exit_code == PolicyError.exit_code


def test_names_that_no_hub_takes_are_refused_at_once(
    make_sessions: MakeSessions, archive: Path
) -> None:
    session = with_posts(make_sessions().get("a"), archive)
    with pytest.raises(UsageError):
        next(session.train("My dream is", "Möwe 🐦"))
    with pytest.raises(UsageError):
        next(session.publish("hf", "Ada 🐦", None))


def test_visitors_share_nothing_and_leave_nothing(
    make_sessions: MakeSessions, archive: Path, tmp_path: Path
) -> None:
    sessions = make_sessions()
    upload = sessions.downloads / "hash" / "fogwatch.zip"
    upload.parent.mkdir()
    upload.write_bytes(archive.read_bytes())
    one, other = sessions.get("one"), sessions.get("other")
    for key in ("one", "other"):  # who uploads the same gets the same file from the page
        sessions.add_uploads(key, [upload])
    trained(one, upload)
    with_posts(other, upload)
    own = one.download()
    assert other.folder != one.folder and other.card_file is None
    sessions.end("one")
    assert not one.folder.exists() and not own.exists()
    assert upload.exists() and other.folder.exists()
    sessions.end("other")
    assert not upload.exists() and not other.folder.exists()
    assert [file for file in sessions.downloads.rglob("*") if file.is_file()] == []


def test_the_end_of_a_session_ends_its_training(
    make_sessions: MakeSessions, options: DemoOptions, archive: Path
) -> None:
    recipe = write_recipe(Path(str(options.recipe)), epochs=400)
    sessions = make_sessions(replace(options, recipe=str(recipe)))
    session = with_posts(sessions.get("a"), archive)
    for event in session.train("My dream is", ""):
        if isinstance(event, Progress):
            sessions.end("a")
        last = event
    assert isinstance(last, JobCancelled)
    assert not session.folder.exists()


def test_only_addresses_and_uploads_are_sources(tmp_path: Path) -> None:
    assert chosen_sources(["a.zip"], " bluesky:a.b \n mastodon:u@h ", 3) == [
        "a.zip", "bluesky:a.b", "mastodon:u@h",
    ]  # fmt: skip
    for text in ("/etc/passwd", "posts.csv", "file:///etc/passwd", "https://h.example/@u"):
        with pytest.raises(UsageError) as caught:
            chosen_sources([], text, 3)
        assert (caught.value.where, caught.value.fix is None) == (text, False)
    for files, addresses in (([], " \n"), (["a", "b", "c"], "bluesky:a.b")):
        with pytest.raises(UsageError) as caught:
            chosen_sources(files, addresses, 3)
        assert caught.value.fix is not None


def test_a_large_upload_is_refused(make_sessions: MakeSessions, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    large.write_bytes(b"text\n" + b"x" * 1_000_001)
    with pytest.raises(UsageError) as caught:
        make_sessions().get("a").take_uploads([large])
    assert caught.value.where == "large.csv"


def test_strangers_do_not_get_this_machines_login(
    make_sessions: MakeSessions,
    options: DemoOptions,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hubtools.demo.job import job_environment

    monkeypatch.setenv("HF_TOKEN", "of-the-machine")
    theirs = job_environment(Path("cache"), private=False)
    assert "of-the-machine" not in theirs.values()
    assert theirs["HF_TOKEN_PATH"] == "/dev/null"
    session = make_sessions(replace(options, private=False)).get("a")
    end = end_of(session.publish(options.to, None, None))
    assert isinstance(end, JobFailed) and end.exit_code == AccessError.exit_code
