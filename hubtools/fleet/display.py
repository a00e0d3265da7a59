"""A fleet on the terminal: a table that updates in place, or a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from hubtools.fleet.worker import Event, Outcome

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hubtools.fleet.progress import Progress

_EVERY = 10.0  # seconds between two lines where there is no terminal
_RUNNING = 8  # models in hand that the table names
_FAILURES = 5


class Board(Protocol):
    """Shows a run while it goes on."""

    def watching(self, progress: Progress) -> Any:
        """A context manager around the run."""

    def tell(self, event: Event, progress: Progress) -> None:
        """Something happened."""


class NoBoard:
    """Shows nothing."""

    @contextmanager
    def watching(self, progress: Progress) -> Iterator[None]:
        yield

    def tell(self, event: Event, progress: Progress) -> None:
        pass


class LineBoard:
    """A line on stderr every ten seconds, and one for each failure; with -v for each model."""

    def __init__(self, verbose: bool = False) -> None:
        self._verbose = verbose
        self._spoken = time.monotonic()

    @contextmanager
    def watching(self, progress: Progress) -> Iterator[None]:
        try:
            yield
        finally:
            _say(line(progress.state()))

    def tell(self, event: Event, progress: Progress) -> None:
        if isinstance(event, Outcome):
            if event.error is not None:
                _say(f"{event.name}: {event.error}")
            elif self._verbose:
                _say(_made(event))
        if time.monotonic() - self._spoken > _EVERY:
            self._spoken = time.monotonic()
            _say(line(progress.state()))


class TableBoard:
    """A table on a terminal."""

    @contextmanager
    def watching(self, progress: Progress) -> Iterator[None]:
        from rich.console import Console
        from rich.live import Live

        with Live(
            get_renderable=lambda: table(progress.state()),
            console=Console(stderr=True),
            refresh_per_second=2,
        ):
            yield

    def tell(self, event: Event, progress: Progress) -> None:
        pass


def board(quiet: bool, verbose: bool) -> Board:
    """What shows a run here."""
    if quiet:
        return NoBoard()
    return TableBoard() if sys.stderr.isatty() else LineBoard(verbose)


def line(state: Mapping[str, Any]) -> str:
    """A state in one line."""
    done = state["there"] + (state["made"] if state["to"] is None else state["published"])
    parts = [f"{done:,} of {state['total']:,} done", f"{len(state['running'])} running"]
    if state["to"] is not None and state["made"] > state["published"]:
        parts.append(f"{state['made'] - state['published']} to upload")
    if state["failed"]:
        parts.append(f"{state['failed']:,} failed")
    if state["made"]:
        parts.append(f"{state['per_hour']:,.0f} models an hour")
    if state["left"] and state["seconds_left"]:
        parts.append(f"about {duration(state['seconds_left'])} left")
    return ", ".join(parts)


def table(state: Mapping[str, Any]) -> RenderableType:
    """A state as a table."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    done = state["there"] + (state["made"] if state["to"] is None else state["published"])
    grid = Table.grid(padding=(0, 2))
    grid.add_row("done", f"{done:,} of {state['total']:,}", ProgressBar(state["total"], done, 40))
    workers = "1 worker" if state["workers"] == 1 else f"{state['workers']} workers"
    grid.add_row("running", f"{len(state['running'])}", workers)
    if state["to"] is not None:
        waiting = max(0, state["made"] - state["published"])
        grid.add_row("to upload", f"{waiting:,}", Text(str(state["to"])))
    grid.add_row("failed", f"{state['failed']:,}")
    left = duration(state["seconds_left"]) if state["seconds_left"] is not None else "–"
    grid.add_row("an hour", f"{state['per_hour']:,.0f}", f"time left {left}")
    rows = Table.grid(padding=(0, 2))
    for one in state["running"][:_RUNNING]:
        rows.add_row(Text(f"  {one['name']}"), duration(time.time() - one["since"]))
    troubles = [
        Text(f"  {one['name']}: {one['error']}", style="red", overflow="ellipsis", no_wrap=True)
        for one in state["failures"][-_FAILURES:]
    ]
    return Group(grid, rows, *troubles)


def status_lines(state: Mapping[str, Any]) -> Iterator[str]:
    """What `fleet status` prints of one fleet."""
    active, end = state["active"], state["end"]
    how = "running" if active else (end or "killed: run the same command again to go on")
    part = "" if state["shard"] == "1/1" else f", part {state['shard']}"
    yield f"{state['manifest']}{part}: {how}"
    yield f"  {line({**state, 'running': state['running'] if active else []})}"
    for one in state["running"] if active else ():
        yield f"  running  {one['name']} for {duration(time.time() - one['since'])}"
    for one in state["failures"]:
        yield f"  failed   {one['name']} ({one['where']}): {one['error']}"


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 05`, `2 d 4 h`."""
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 5400:
        return f"{round(whole / 60)} min"
    hours, rest = divmod(whole, 3600)
    if hours < 48:
        return f"{hours} h {rest // 60:02d}"
    return f"{hours // 24} d {hours % 24} h"


def _made(one: Outcome) -> str:
    bits = f", {one.bits_per_byte:.3f} bits a byte" if one.bits_per_byte is not None else ""
    return f"{one.name}: made in {one.seconds:.1f} s{bits}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
