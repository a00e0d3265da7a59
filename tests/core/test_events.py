"""Progress: lines where there is no terminal, a bar where there is one, silence on request."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from hubtools.cli.terminal import terminal_reporter
from hubtools.core.events import Reporter

SCRIPT = """
from hubtools.cli.terminal import terminal_reporter
from hubtools.core.events import Reporter
with terminal_reporter().task("training", 3) as bar:
    for done in (1, 2, 3):
        bar.advance(done, "loss [1.0]")
"""


def test_lines_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report = terminal_reporter(0)
    report.note("one")
    report.detail("two")
    with report.task("training", 2) as bar:
        bar.advance(1)
        bar.advance(2, "loss 1.5")
    assert capsys.readouterr().err == "one\ntraining: 100%, loss 1.5\n"


def test_details_for_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    terminal_reporter(1).detail("two")
    assert capsys.readouterr().err == "two\n"


def test_silence(capsys: pytest.CaptureFixture[str]) -> None:
    report = Reporter()
    report.note("one")
    with report.task("x", 1) as bar:
        bar.advance(1)
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_a_terminal() -> None:
    master, slave = pty.openpty()
    subprocess.run([sys.executable, "-c", SCRIPT], stderr=slave, check=True)
    os.close(slave)
    shown = os.read(master, 65536).decode()
    assert "training" in shown
    assert "100%" in shown
    assert "loss [1.0]" in shown
