"""Many thumbnails at once, on all cores."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from hubtools.cards.bulk import interrupts_later, worker_pool
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically
from hubtools.pictures.theme import LIGHT, Look
from hubtools.pictures.thumbnail import ThumbnailSubject, draw_thumbnail

CHUNK = 8
"""Pictures that a process takes at a time."""
WORTH_A_POOL = 40
"""Pictures below which starting processes costs more than it saves: a second each, mostly
matplotlib's."""


@dataclass(frozen=True, slots=True)
class ThumbnailTask:
    """A thumbnail to draw, and the PNG to write it to."""

    subject: ThumbnailSubject
    file: Path


def draw_all(
    tasks: Sequence[ThumbnailTask],
    look: Look = LIGHT,
    *,
    jobs: int | None = None,
    report: Reporter | None = None,
) -> tuple[str, ...]:
    """Write every picture, many of them on `jobs` cores (all that there are, unless it says).

    Returns the characters that no font has, in order, each once. Raises OutputError when a file
    cannot be written, MissingExtraError without what draws, PartlyDoneError when a process dies.
    """
    left_out: dict[str, None] = {}
    chunks = [tuple(tasks[i : i + CHUNK]) for i in range(0, len(tasks), CHUNK)]
    processes = min(jobs or cores(), len(chunks))
    many = len(tasks) >= WORTH_A_POOL
    told = report if report and many else Reporter()
    with told.task("Drawing", len(tasks)) as bar:
        done = 0
        for missing in _outcomes(chunks, look, processes if many else 1):
            left_out.update(dict.fromkeys(missing))
            done = min(done + CHUNK, len(tasks))
            bar.advance(done)
    return tuple(left_out)


def cores() -> int:
    """The cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _outcomes(
    chunks: Sequence[tuple[ThumbnailTask, ...]], look: Look, processes: int
) -> Iterator[tuple[str, ...]]:
    if processes < 2:
        for chunk in chunks:
            yield _draw_chunk(chunk, look)
        return
    with worker_pool(processes) as pool:
        waiting: list[Future[tuple[str, ...]]] = []
        for chunk in chunks:
            with interrupts_later():  # a process that starts inherits that
                waiting.append(pool.submit(_draw_chunk, chunk, look))
        for future in waiting:
            yield future.result()


def _draw_chunk(chunk: Sequence[ThumbnailTask], look: Look) -> tuple[str, ...]:
    left_out: dict[str, None] = {}
    for task in chunk:
        picture = draw_thumbnail(task.subject, look)
        left_out.update(dict.fromkeys(picture.left_out))
        write_atomically(task.file, picture.png)
    return tuple(left_out)
