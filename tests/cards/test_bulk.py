"""Many cards: each README is what one card's rendering gives, and no stale one is ever kept."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubtools.cards import bulk
from hubtools.cards.bulk import RenderFailure, RenderResult, fingerprint, render_all
from hubtools.cards.card_file import card_toml, load_card
from hubtools.cards.render import CardRenderer, is_sealed
from hubtools.core import parallel
from hubtools.core.config import ProjectConfig
from hubtools.core.errors import CardError, OutputError, PartlyDoneError
from hubtools.core.state import STATE_FILE, stamp_of
from tests.cards.samples import CYBORG, HARBOUR

RENDERER = CardRenderer("quiet-water", "https://huggingface.co")


def write_cards(folder: Path, count: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    texts = [card_toml(replace(card, repo="REPO", prose=None)) for card in (HARBOUR, CYBORG)]
    files = [folder / f"card-{number:04}.toml" for number in range(count)]
    for number, file in enumerate(files):
        file.write_text(texts[number % 2].replace("REPO", file.stem), encoding="utf-8")
    return files


@pytest.fixture
def cards(tmp_path: Path) -> list[Path]:
    return write_cards(tmp_path / "cards", 6)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def readme(out: Path, name: str = "card-0001") -> Path:
    return out / name / "README.md"


def test_every_readme_is_what_its_card_renders_to(cards: list[Path], out: Path) -> None:
    cards[1].with_suffix(".md").write_text("Some *prose*.")
    assert render_all(cards, out, RENDERER) == RenderResult(6, 0, ())
    for file in cards:
        expected = RENDERER.render(load_card(file))
        assert readme(out, file.stem).read_bytes() == expected.encode()
    assert sorted(path.name for path in out.iterdir()) == [
        STATE_FILE.parent.name,
        *(f.stem for f in cards),
    ]
    assert [path.name for path in (out / cards[0].stem).iterdir()] == ["README.md"]


def test_what_did_not_change_is_not_touched(
    cards: list[Path], out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render_all(cards, out, RENDERER)
    before = stamp_of(str(readme(out)))
    monkeypatch.setattr(bulk, "parse_card", _must_not_be_called)
    assert render_all(cards, out, RENDERER) == RenderResult(0, 6, ())
    assert stamp_of(str(readme(out))) == before


def _must_not_be_called(*_: Any) -> Any:
    raise AssertionError("the card was read again")


def edit(file: Path, old: str, new: str) -> None:
    """Change a file without changing what a hasty look would see: its size and its times."""
    before = file.stat()
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path, Path], object]] = {
    "the TOML": lambda card, _: edit(card, "harbourlog", "larboursog"),
    "new prose": lambda card, _: card.with_suffix(".md").write_text("New."),
    "the README": lambda _, readme: edit(readme, "machine", "machina"),
    "the README is replaced": lambda _, readme: (readme.unlink(), readme.write_text("x")),
    "the README is gone": lambda _, readme: readme.unlink(),
    "its folder is gone": lambda _, readme: (readme.unlink(), readme.parent.rmdir()),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_any_change_is_seen(
    change: Callable[[Path, Path], object], cards: list[Path], out: Path
) -> None:
    render_all(cards, out, RENDERER)
    change(cards[1], readme(out))
    assert render_all(cards, out, RENDERER) == RenderResult(1, 5, ())
    assert readme(out).read_text(encoding="utf-8") == RENDERER.render(load_card(cards[1]))
    assert render_all(cards, out, RENDERER) == RenderResult(0, 6, ())


def test_prose_that_is_removed_is_gone(cards: list[Path], out: Path) -> None:
    prose = cards[1].with_suffix(".md")
    prose.write_text("Only for now.")
    render_all(cards, out, RENDERER)
    prose.unlink()
    assert render_all(cards, out, RENDERER) == RenderResult(1, 5, ())
    assert "Only for now" not in readme(out).read_text(encoding="utf-8")


def test_a_changed_template_renders_everything_again(
    cards: list[Path], out: Path, tmp_path: Path
) -> None:
    templates = tmp_path / "templates"
    renderer = replace(RENDERER, templates=templates)
    assert render_all(cards, out, renderer).rendered == 6
    templates.mkdir()
    template = templates / "card.md.j2"
    template.write_text('{% extends "hubtools/card.md.j2" %}{% block about %}One.{% endblock %}')
    assert render_all(cards, out, renderer) == RenderResult(6, 0, ())
    edit(template, "One.", "Two.")
    assert render_all(cards, out, renderer) == RenderResult(6, 0, ())
    assert "Two." in readme(out).read_text(encoding="utf-8")
    part = templates / "parts" / "end.j2"
    part.parent.mkdir()
    part.write_text("Three.")
    edit(template, "Two.", '{% include "parts/end.j2" %}')
    render_all(cards, out, renderer)
    edit(part, "Three.", "Four..")
    assert render_all(cards, out, renderer) == RenderResult(6, 0, ())
    assert "Four.." in readme(out).read_text(encoding="utf-8")


def test_each_setting_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    renderers = (
        RENDERER,
        replace(RENDERER, namespace="other"),
        replace(RENDERER, files_url=None),
        replace(RENDERER, project=ProjectConfig(contact="a@b.example")),
        replace(RENDERER, templates=tmp_path),
    )
    assert len({fingerprint(renderer) for renderer in renderers}) == len(renderers)
    assert fingerprint(RENDERER) == fingerprint(replace(RENDERER))


def test_a_changed_setting_renders_what_it_changes(cards: list[Path], out: Path) -> None:
    render_all(cards, out, RENDERER)
    other = replace(RENDERER, namespace="other")
    assert render_all(cards, out, other) == RenderResult(6, 0, ())
    assert "other/card-0001" in readme(out).read_text(encoding="utf-8")


def test_right_readmes_that_are_not_cached_are_left(cards: list[Path], out: Path) -> None:
    render_all(cards, out, RENDERER)
    before = stamp_of(str(readme(out)))
    (out / STATE_FILE).unlink()
    assert render_all(cards, out, RENDERER) == RenderResult(0, 6, ())
    assert stamp_of(str(readme(out))) == before


@pytest.mark.parametrize("damage", [b"", b"not a database at all, but longer than its header " * 9])
def test_a_damaged_cache_is_begun_anew(damage: bytes, cards: list[Path], out: Path) -> None:
    render_all(cards, out, RENDERER)
    (out / STATE_FILE).write_bytes(damage)
    assert render_all(cards, out, RENDERER) == RenderResult(0, 6, ())
    assert render_all(cards, out, RENDERER) == RenderResult(0, 6, ())


def test_a_cache_of_another_layout_is_begun_anew(cards: list[Path], out: Path) -> None:
    (out / STATE_FILE).parent.mkdir(parents=True)
    with closing(sqlite3.connect(out / STATE_FILE)) as database, database:
        database.execute("CREATE TABLE rendered (something TEXT)")
    assert render_all(cards, out, RENDERER) == RenderResult(6, 0, ())
    assert render_all(cards, out, RENDERER) == RenderResult(0, 6, ())


def test_a_bad_card_does_not_stop_the_others(cards: list[Path], out: Path) -> None:
    cards[0].write_text("repo =")
    cards[2].write_bytes(b"repo = '\xff'")
    cards[3].with_suffix(".md").write_bytes(b"\xff")
    cards[4].write_text('repo = "card-0004"\nacounts = 1')
    gone = cards[0].with_name("gone.toml")
    done = render_all([*cards, gone], out, RENDERER)
    assert (done.rendered, done.unchanged) == (2, 0)
    assert [failure.name for failure in done.failed] == [
        "card-0000",
        "card-0002",
        "card-0003",
        "card-0004",
        "gone",
    ]
    assert done.failed[3] == RenderFailure(
        "card-0004", f"{cards[4]}: unknown key 'acounts'. Did you mean 'accounts'?"
    )
    assert done.failed[4].error == f"{gone}: no such card"
    assert all("\n" not in failure.error for failure in done.failed)


def test_an_error_in_a_template_names_each_card(
    cards: list[Path], out: Path, tmp_path: Path
) -> None:
    template = tmp_path / "card.md.j2"
    template.write_text('{{ "x" if card.repo != "card-0002" else card.nme }}')
    done = render_all(cards, out, replace(RENDERER, templates=tmp_path))
    (failure,) = done.failed
    assert done.rendered == 5
    assert f"{template}:1: " in failure.error
    assert "card-0002" in failure.error


def test_a_template_that_is_none_stops_at_once(
    cards: list[Path], out: Path, tmp_path: Path
) -> None:
    (tmp_path / "card.md.j2").write_text("fine\n{% if %}")
    with pytest.raises(CardError, match=r"card\.md\.j2:2: "):
        render_all(cards, out, replace(RENDERER, templates=tmp_path))
    assert not out.exists()


def test_two_files_of_one_repository(cards: list[Path], out: Path) -> None:
    text = cards[1].read_text(encoding="utf-8")
    for name, repo in (("copy", "card-0001"), ("one", "free"), ("two", "Free"), ("three", "own")):
        file = cards[0].with_name(f"{name}.toml")
        file.write_text(text.replace('"card-0001"', f'"{repo}"', 1), encoding="utf-8")
        cards.append(file)
    done = render_all(cards, out, RENDERER)
    assert [failure.name for failure in done.failed] == ["copy", "two"]
    assert done.failed[0].error.startswith(f"{cards[6]}: repo: 'card-0001' ")
    assert done.failed[1].error.startswith("repo: 'Free' ") and "'one'" in done.failed[1].error
    assert done.rendered == 8
    assert readme(out, "own").is_file()


def test_processes_make_the_same_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "WORTH_A_POOL", 10)
    monkeypatch.setattr(bulk, "CHUNK", 4)
    files = write_cards(tmp_path / "cards", 26)
    files[7].write_text("repo =")
    alone = render_all(files, tmp_path / "alone", RENDERER, jobs=1)
    shared = render_all(files, tmp_path / "shared", RENDERER, jobs=2)
    assert alone == shared
    assert (alone.rendered, len(alone.failed)) == (25, 1)
    for file in files[:7]:
        assert readme(tmp_path / "alone", file.stem).read_bytes() == (
            readme(tmp_path / "shared", file.stem).read_bytes()
        )
    assert render_all(files, tmp_path / "shared", RENDERER, jobs=2).unchanged == 25


def test_a_process_that_dies_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "WORTH_A_POOL", 10)
    monkeypatch.setattr(parallel, "_begin_worker", _die)
    files = write_cards(tmp_path / "cards", 12)
    with pytest.raises(PartlyDoneError):
        render_all(files, tmp_path / "out", RENDERER, jobs=2)
    assert render_all(files, tmp_path / "out", RENDERER).rendered == 12


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=lambda end: end.name)
def test_a_run_that_is_ended_goes_on_where_it_was(end: signal.Signals, tmp_path: Path) -> None:
    """Ended while processes work: none of them stays, no README is half, the rest is made."""
    files = write_cards(tmp_path / "cards", 1000)
    out = tmp_path / "out"
    arguments = ["cards", "render", "--all", "--out", str(out), "--jobs", "2"]
    with subprocess.Popen(
        [sys.executable, "-m", "hubtools", *arguments],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        while not out.is_dir() or len(list(out.iterdir())) < 150:
            assert process.poll() is None, "done before it could be ended"
            time.sleep(0.005)
        if end is signal.SIGINT:
            os.killpg(process.pid, end)  # as a terminal does
        else:
            process.kill()
        _, said = process.communicate(timeout=60)  # ends when the last one that writes has
    if end is signal.SIGINT:
        assert process.returncode == 130
        assert said.splitlines()[-1].startswith("Interrupted.")
        assert "Traceback" not in said
    for readme in out.glob("*/README.md"):
        assert is_sealed(readme.read_text(encoding="utf-8"))
    done = render_all(files, out, CardRenderer("me"))
    assert done.rendered + done.unchanged == 1000
    assert done.unchanged >= 100


def _die() -> None:
    os._exit(3)


def test_a_folder_that_cannot_be_written(cards: list[Path], out: Path) -> None:
    out.write_text("a file")
    with pytest.raises(OutputError, match="cannot write"):
        render_all(cards, out, RENDERER)
    out.unlink()
    (out / "card-0000" / "README.md").mkdir(parents=True)
    with pytest.raises(OutputError, match="cannot write: is a directory"):
        render_all(cards, out, RENDERER)


def test_the_bar_counts_every_card(cards: list[Path], out: Path) -> None:
    seen: list[tuple[str, float]] = []

    class Bars:
        def note(self, text: str) -> None: ...
        def detail(self, text: str) -> None: ...

        @contextmanager
        def task(self, title: str, total: float) -> Any:
            seen.append((title, total))
            yield self

        def advance(self, done: float, detail: str = "") -> None:
            seen.append((detail, done))

    cards[0].write_text("repo =")
    render_all(cards, out, RENDERER, reporter=Bars())
    assert seen == [("Rendering", 6), ("", 6)]


def test_no_card_at_all(out: Path) -> None:
    assert render_all([], out, RENDERER) == RenderResult(0, 0, ())
