"""Many thumbnails at once, on all cores."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial

from hubtools.core.cancel import CancelToken
from hubtools.core.events import SILENT, Reporter
from hubtools.core.files import write_atomically
from hubtools.core.parallel import cores, map_chunks
from hubtools.pictures.theme import LIGHT, Theme
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.pictures.types import ThumbnailTask

CHUNK = 8
"""Pictures that a process takes at a time."""
WORTH_A_POOL = 40
"""Pictures below which starting processes costs more than it saves: a second each, most of it
for importing matplotlib."""


def draw_all(
    tasks: Sequence[ThumbnailTask],
    theme: Theme = LIGHT,
    *,
    jobs: int | None = None,
    reporter: Reporter = SILENT,
    cancel: CancelToken | None = None,
) -> tuple[str, ...]:
    """Write every picture, many of them in `jobs` processes (default: one per core).

    Returns the characters that no font has, in order, each once. Raises OutputError when a file
    cannot be written, PartlyDoneError when a process dies, CancelledError when `cancel` is set.
    """
    many = len(tasks) >= WORTH_A_POOL
    processes = jobs or cores() if many else 1
    chunks = [tuple(tasks[i : i + CHUNK]) for i in range(0, len(tasks), CHUNK)]
    left_out: dict[str, None] = {}
    with (
        (reporter if many else SILENT).task("Drawing", len(tasks)) as bar,
        closing(map_chunks(partial(_draw_chunk, theme), chunks, processes)) as results,
    ):
        for number, missing in enumerate(results, 1):
            left_out.update(dict.fromkeys(missing))
            bar.advance(min(number * CHUNK, len(tasks)))
            if cancel is not None:
                cancel.raise_if_cancelled()
    return tuple(left_out)


def _draw_chunk(theme: Theme, chunk: Sequence[ThumbnailTask]) -> tuple[str, ...]:
    left_out: dict[str, None] = {}
    for task in chunk:
        picture = draw_thumbnail(task.subject, theme)
        left_out.update(dict.fromkeys(picture.left_out))
        write_atomically(task.file, picture.png)
    return tuple(left_out)
