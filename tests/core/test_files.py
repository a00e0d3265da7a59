"""Files are the old ones or the new ones, and a refusal of the system is one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubtools.core.errors import OutputError
from hubtools.core.files import sha256_file, write_atomically


def test_a_file_and_its_folder_are_made(tmp_path: Path) -> None:
    file = tmp_path / "a/b/card.toml"
    write_atomically(file, "⚓")
    assert file.read_bytes() == "⚓".encode()
    assert [p.name for p in file.parent.iterdir()] == ["card.toml"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "card.toml"
    write_atomically(file, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="no space left on device"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["card.toml"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "card.toml").symlink_to("there/card.toml")
    for text in ("new", "newer"):
        write_atomically(tmp_path / "card.toml", text)
        assert (tmp_path / "card.toml").is_symlink()
        assert (tmp_path / "there/card.toml").read_text() == text


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_atomically(pipe, "plan")
    assert os.read(reader, 100) == b"plan"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_file_in_the_place_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_atomically(tmp_path / "a/b", "x")


def test_a_folder_in_the_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "plan.json").mkdir()
    with pytest.raises(OutputError, match="cannot write") as caught:
        write_atomically(tmp_path / "plan.json", "x")
    assert caught.value.where == str(tmp_path / "plan.json")
    assert [p.name for p in tmp_path.iterdir()] == ["plan.json"]


def test_the_digest_is_that_of_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256_file(tmp_path / "x").startswith("ba7816bf8f01cfea414140de5dae2223")
