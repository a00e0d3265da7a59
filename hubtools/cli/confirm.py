"""Ask before a change: the one place that knows the terminal and --yes."""

from __future__ import annotations

import signal
import sys

import typer


def confirm(question: str, *, yes: bool) -> bool:
    """Ask a person on a terminal, unless --yes was given; aborts the command on a no.

    Where stdin is not a terminal, nothing is asked.
    """
    if yes or not sys.stdin.isatty():
        return True
    # Ctrl-C ends the question, even where a cancel token handles it otherwise.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return typer.confirm(question, abort=True, err=True)
    finally:
        signal.signal(signal.SIGINT, before)
