"""What a visitor can do, without the page in front of it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.cards.card_file import load_card
from hubtools.core.config import Config, ConsentConfig, Project
from hubtools.core.errors import UsageError
from hubtools.demo.limits import Limits
from hubtools.demo.messages import (
    Event,
    Failed,
    Looked,
    Published,
    Step,
    Stopped,
    Trained,
)
from hubtools.demo.options import Settings
from hubtools.demo.session import Visit, chosen_sources
from hubtools.demo.sessions import Visits
from tests.makers import command, posts, write_archive, write_recipe

MakeVisits = Callable[..., Visits]


def end_of(events: Iterator[Event]) -> Event:
    *_, last = events
    return last


def looked_at(visit: Visit, archive: Path) -> Visit:
    assert isinstance(end_of(visit.look(visit.take([archive]))), Looked)
    return visit


def trained(visit: Visit, archive: Path, name: str = "") -> Visit:
    end = end_of(looked_at(visit, archive).train("My dream is", name))
    assert isinstance(end, Trained), end
    return visit


def test_from_posts_to_a_published_model(
    make_visits: MakeVisits, settings: Settings, archive: Path, tmp_path: Path
) -> None:
    visits = make_visits()
    visit = visits.of("a")
    seen = end_of(visit.look(visit.take([archive])))
    assert isinstance(seen, Looked)
    (account,) = seen.accounts
    assert (account.counts.downloaded, account.counts.kept) == (300, 300)
    assert account.title == "Fog Watch 🌫️ @fogwatch"
    assert len(account.samples) == 5 and account.refusal is None

    events = list(visit.train("Today", "the-fog"))
    assert isinstance(events[-1], Trained), events[-1]
    losses = [event for event in events if isinstance(event, Step) and "loss" in event.detail]
    assert losses[-1].done == losses[-1].total
    assert visit.card.repo == "the-fog" and visit.card.prompt == "Today"

    made = [prediction for prediction, repeats in visit.predict("The heron", 10) if not repeats]
    assert made and all(one.text.startswith("The heron") for one in made)
    before = visit.picture()
    assert visit.choose(made[0]) == visit.picture() != before
    assert visit.card.predictions[0] == made[0]

    with zipfile.ZipFile(visit.download()) as download:
        download.extractall(tmp_path / "unpacked")
    assert load_card(tmp_path / "unpacked/cards/the-fog.toml") == visit.card
    assert (tmp_path / "unpacked/models/the-fog/predictions.png").read_bytes() == visit.picture()
    said = command("predict", "models/the-fog", "Today", "-n", "2", cwd=tmp_path / "unpacked")
    assert said.stdout.count("• Today") == 2, said.stderr

    done = end_of(visit.publish(settings.to, None, None))
    assert isinstance(done, Published), done
    assert done.repo == "me/the-fog"
    listed = command("plan", "--to", settings.to, "--exit-code", cwd=tmp_path / "unpacked")
    assert listed.returncode == 0, listed.stdout  # the download is what was published


def test_who_comes_again_updates_what_they_published(
    make_visits: MakeVisits, settings: Settings, archive: Path
) -> None:
    """A chosen picture is ours, also to a visitor who remembers nothing of the first visit."""
    visits = make_visits()
    for session, prompt in (("first", "Today"), ("second", "The fog")):
        visit = trained(visits.of(session), archive)
        made = [prediction for prediction, repeats in visit.predict(prompt, 10) if not repeats]
        visit.choose(made[0])
        done = end_of(visit.publish(settings.to, None, None))
        assert isinstance(done, Published), done


def test_a_stopped_training_goes_on_where_it_was(
    make_visits: MakeVisits, settings: Settings, archive: Path
) -> None:
    recipe = write_recipe(Path(str(settings.recipe)), epochs=400)
    visit = looked_at(make_visits(replace(settings, recipe=str(recipe))).of("a"), archive)
    reached = stop_after(visit, 5.0)
    again = visit.train("My dream is", "")
    first = next(e.done for e in again if isinstance(e, Step) and e.title == "training" and e.done)
    assert first > reached
    visit.stop()
    assert isinstance(end_of(again), Stopped)


def stop_after(visit: Visit, steps: float) -> float:
    """Train, and stop at the first step that is said after so many; the last one that was."""
    reached = 0.0
    for event in visit.train("My dream is", ""):
        if isinstance(event, Step) and event.title == "training":
            reached = event.done
            if reached >= steps:
                visit.stop()
        ended = event
    assert isinstance(ended, Stopped), ended
    return reached


def test_a_training_that_takes_too_long_is_stopped(
    make_visits: MakeVisits, settings: Settings, archive: Path
) -> None:
    chosen = replace(settings, limits=Limits(minutes=0.0001))
    visit = looked_at(make_visits(chosen).of("a"), archive)
    end = end_of(visit.train("My dream is", ""))
    assert isinstance(end, Failed) and "longer than 0.0001 minutes" in end.error


def test_too_few_posts_are_refused_before_training(make_visits: MakeVisits, tmp_path: Path) -> None:
    visit = make_visits().of("a")
    few = write_archive(tmp_path / "few.zip", posts(20))
    seen = end_of(visit.look(visit.take([few])))
    assert isinstance(seen, Looked)
    assert "6,000 are needed" in seen.refusals[0]


def test_a_damaged_archive_is_an_error_with_its_name(
    make_visits: MakeVisits, archive: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.zip"
    half.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    visit = make_visits().of("a")
    end = end_of(visit.look(visit.take([half])))
    assert isinstance(end, Failed) and "half.zip" in end.error


def test_the_deny_list_of_whoever_runs_it_holds(
    make_visits: MakeVisits, settings: Settings, archive: Path, tmp_path: Path
) -> None:
    (tmp_path / "deny.txt").write_text("x:fogwatch\n")
    project = Project(tmp_path, Config(consent=ConsentConfig(deny="deny.txt")))
    visit = make_visits(settings, project).of("a")
    end = end_of(visit.look(visit.take([archive])))
    assert isinstance(end, Failed) and "deny list" in end.error


def test_names_that_no_hub_takes_are_said_at_once(make_visits: MakeVisits, archive: Path) -> None:
    visit = looked_at(make_visits().of("a"), archive)
    with pytest.raises(UsageError, match="'Möwe 🐦' is no name"):
        next(visit.train("My dream is", "Möwe 🐦"))
    trained(visit, archive, "moewe")
    with pytest.raises(UsageError, match="'Ada 🐦' is no name"):
        next(visit.publish("hf", "Ada 🐦", None))


def test_visitors_share_nothing_and_leave_nothing(
    make_visits: MakeVisits, archive: Path, tmp_path: Path
) -> None:
    visits = make_visits()
    upload = visits.downloads / "hash" / "fogwatch.zip"
    upload.parent.mkdir()
    upload.write_bytes(archive.read_bytes())
    one, other = visits.of("one"), visits.of("other")
    for session in ("one", "other"):  # who uploads the same gets the same file from the page
        visits.remember(session, [upload])
    trained(one, upload)
    looked_at(other, upload)
    own = one.download()
    assert other.folder != one.folder and other.card_file is None
    visits.end("one")
    assert not one.folder.exists() and not own.exists()
    assert upload.exists() and other.folder.exists()
    visits.end("other")
    assert not upload.exists() and not other.folder.exists()
    assert [file for file in visits.downloads.rglob("*") if file.is_file()] == []


def test_the_end_of_a_visit_ends_its_training(
    make_visits: MakeVisits, settings: Settings, archive: Path
) -> None:
    recipe = write_recipe(Path(str(settings.recipe)), epochs=400)
    visits = make_visits(replace(settings, recipe=str(recipe)))
    visit = looked_at(visits.of("a"), archive)
    for event in visit.train("My dream is", ""):
        if isinstance(event, Step):
            visits.end("a")
        last = event
    assert isinstance(last, Stopped)
    assert not visit.folder.exists()


def test_only_addresses_and_uploads_are_sources(tmp_path: Path) -> None:
    assert chosen_sources(["a.zip"], " bluesky:a.b \n mastodon:u@h ", 3) == [
        "a.zip", "bluesky:a.b", "mastodon:u@h",
    ]  # fmt: skip
    for said in ("/etc/passwd", "posts.csv", "file:///etc/passwd", "https://h.example/@u"):
        with pytest.raises(UsageError, match="no address"):
            chosen_sources([], said, 3)
    with pytest.raises(UsageError, match="nothing"):
        chosen_sources([], " \n", 3)
    with pytest.raises(UsageError, match="3 are the most"):
        chosen_sources(["a", "b", "c"], "bluesky:a.b", 3)


def test_a_large_upload_is_refused(make_visits: MakeVisits, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    large.write_bytes(b"text\n" + b"x" * 1_000_001)
    with pytest.raises(UsageError, match="larger than 1 MB"):
        make_visits().of("a").take([large])


def test_strangers_do_not_get_this_machines_login(
    make_visits: MakeVisits,
    settings: Settings,
    archive: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from hubtools.demo.job import clean_environment

    monkeypatch.setenv("HF_TOKEN", "of-the-machine")
    theirs = clean_environment(Path("cache"), private=False)
    assert "of-the-machine" not in theirs.values()
    assert theirs["HF_TOKEN_PATH"] == "/dev/null"
    visit = trained(make_visits(replace(settings, private=False)).of("a"), archive)
    end = end_of(visit.publish(settings.to, None, None))
    assert isinstance(end, Failed) and "access token" in end.error
