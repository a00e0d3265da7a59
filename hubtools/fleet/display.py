"""A fleet on the terminal: a table that updates in place, or a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from hubtools.core.events import Event, Listener
from hubtools.fleet.jobs import JobResult
from hubtools.fleet.state import FleetState, FleetUpdated

_print = partial(typer.echo, err=True)
_LINE_EVERY = 10.0  # seconds between two lines where there is no terminal
_RUNNING_SHOWN = 8
_FAILURES_SHOWN = 5


@contextmanager
def fleet_display(*, verbose: bool) -> Iterator[Listener]:
    """A listener that shows a fleet on stderr for the length of the block."""
    if sys.stderr.isatty():
        table = FleetTable()
        with Live(get_renderable=table.render, console=Console(stderr=True), refresh_per_second=2):
            yield table
    else:
        lines = FleetLines(verbose)
        try:
            yield lines
        finally:
            lines.close()


class FleetLines:
    """Writes a line every ten seconds and for each failure; if verbose, for each model."""

    def __init__(self, verbose: bool) -> None:
        self._verbose = verbose
        self._written = time.monotonic()
        self._state: FleetState | None = None

    def __call__(self, event: Event) -> None:
        if not isinstance(event, FleetUpdated):
            return
        self._state = event.state
        if isinstance(event.latest, JobResult):
            if event.latest.error is not None:
                _print(f"{event.latest.name}: {event.latest.error}")
            elif self._verbose:
                _print(_trained_line(event.latest))
        if time.monotonic() - self._written > _LINE_EVERY:
            self._written = time.monotonic()
            _print(state_line(event.state))

    def close(self) -> None:
        if self._state is not None:
            _print(state_line(self._state))


class FleetTable:
    def __init__(self) -> None:
        self._state: FleetState | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, FleetUpdated):
            self._state = event.state

    def render(self) -> RenderableType:
        return Text() if self._state is None else state_table(self._state)


def state_line(state: FleetState) -> str:
    parts = [f"{state.done:,} of {state.total:,} done", f"{len(state.running)} running"]
    if state.to is not None and state.trained > state.published:
        parts.append(f"{state.trained - state.published} to upload")
    if state.failed:
        parts.append(f"{state.failed:,} failed")
    if state.trained:
        parts.append(f"{state.models_per_hour:,.0f} models/hour")
    if state.remaining and state.seconds_left:
        parts.append(f"about {duration(state.seconds_left)} left")
    return ", ".join(parts)


def state_table(state: FleetState) -> RenderableType:
    """A state as a table, with the models that are trained now and the latest failures."""
    grid = Table.grid(padding=(0, 2))
    bar = ProgressBar(state.total, state.done, 40)
    grid.add_row("done", f"{state.done:,} of {state.total:,}", bar)
    workers = "1 worker" if state.workers == 1 else f"{state.workers} workers"
    grid.add_row("running", f"{len(state.running)}", workers)
    if state.to is not None:
        pending = max(0, state.trained - state.published)
        grid.add_row("to upload", f"{pending:,}", Text(state.to))
    grid.add_row("failed", f"{state.failed:,}")
    left = "–" if state.seconds_left is None else duration(state.seconds_left)
    grid.add_row("per hour", f"{state.models_per_hour:,.0f}", f"time left {left}")
    running = Table.grid(padding=(0, 2))
    for job in state.running[:_RUNNING_SHOWN]:
        running.add_row(Text(f"  {job.name}"), duration(time.time() - job.since))
    failures = [
        Text(f"  {one.name}: {one.error}", style="red", overflow="ellipsis", no_wrap=True)
        for one in state.failures[-_FAILURES_SHOWN:]
    ]
    return Group(grid, running, *failures)


def status_lines(state: FleetState, *, active: bool) -> Iterator[str]:
    """What `fleet status` prints about one fleet."""
    status = "running" if active else (state.end or "killed; run the same command to resume")
    shard = "" if state.shard == "1/1" else f", shard {state.shard}"
    yield f"{state.manifest}{shard}: {status}"
    if not active:
        state = replace(state, running=())
    yield f"  {state_line(state)}"
    for job in state.running:
        yield f"  running  {job.name} for {duration(time.time() - job.since)}"
    for one in state.failures:
        yield f"  failed   {one.name} ({one.where}): {one.error}"


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


def _trained_line(result: JobResult) -> str:
    score = result.bits_per_byte
    bits = "" if score is None else f", {score:.3f} bits per byte"
    return f"{result.name}: trained in {result.seconds:.1f} s{bits}"
