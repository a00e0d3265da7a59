"""Questions before a change: asked on a terminal only, answered by --yes, ended by Ctrl-C."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.makers import command

FORGET = ("posts", "forget", "fogwatch")


@pytest.fixture
def model(folder: Path) -> Path:
    """A model of an account that can be forgotten."""
    made = folder / "models" / "fogwatch"
    made.mkdir(parents=True)
    (made / "run.json").write_text('{"sources": [{"network": "x", "handle": "fogwatch"}]}')
    return made


def on_a_terminal(answer: bytes, *arguments: str) -> tuple[int, str]:
    """The exit code and stderr of `hubtools posts forget` where stdin is a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "hubtools", *FORGET, *arguments],
        stdin=slave, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # its own terminal
    )  # fmt: skip
    os.close(slave)
    assert process.stderr is not None
    seen = b""
    while answer and b"[y/N]" not in seen:
        seen += process.stderr.read(1)
    os.write(master, answer)
    _, rest = process.communicate(timeout=60)
    os.close(master)
    return process.returncode, (seen + rest).decode()


@pytest.mark.parametrize(("answer", "code", "gone"), [(b"y\n", 0, True), (b"n\n", 1, False)])
def test_a_terminal_is_asked(answer: bytes, code: int, gone: bool, model: Path) -> None:
    exit_code, stderr = on_a_terminal(answer)
    assert (exit_code, model.exists()) == (code, not gone)
    assert str(model) in stderr and "[y/N]" in stderr


def test_ctrl_c_is_a_no(model: Path) -> None:
    exit_code, stderr = on_a_terminal(b"\x03")
    assert exit_code == 1
    assert model.exists() and "Traceback" not in stderr


def test_yes_answers(model: Path) -> None:
    exit_code, stderr = on_a_terminal(b"", "--yes")
    assert (exit_code, model.exists(), "[y/N]" in stderr) == (0, False, False)


def test_without_a_terminal_nothing_is_asked(model: Path) -> None:
    done = command(*FORGET, cwd=model.parents[1])
    assert (done.returncode, model.exists()) == (0, False)
    assert "[y/N]" not in done.stderr
