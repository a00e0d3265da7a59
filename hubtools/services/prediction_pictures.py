"""Predictions as pictures to share: one thumbnail each, with the faces of the model's accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hubtools.core.run_record import RUN_RECORD, read_record
from hubtools.pictures.avatars import BYTES_LIMIT
from hubtools.pictures.bulk import ThumbnailTask
from hubtools.pictures.thumbnail import FACES, Face, ThumbnailSubject
from hubtools.services.thumbnail import avatar_bytes, avatar_file

Read = Callable[[str], bytes | None]
"""Gives the bytes of one of a model's files, None where it has no such."""


def faces_of(model: str) -> tuple[Face, ...]:
    """The accounts of a model's folder or repository, as its `run.json` and avatars show them.

    A model that is not ours has no record: its name stands for its accounts.
    """
    read = _from_folder(Path(model)) if Path(model).is_dir() else _from_repository(model)
    sources = read_record(read(RUN_RECORD)).get("sources")
    rows = [row for row in sources if isinstance(row, Mapping)] if isinstance(sources, list) else []
    if not rows:
        return (Face(Path(model).resolve().name if Path(model).is_dir() else model, None, None),)
    return tuple(
        Face(_text(row, "name"), _text(row, "handle"), read(avatar_file(n)) if n <= FACES else None)
        for n, row in enumerate(rows, 1)
    )


def prediction_tasks(
    model: str, prompt: str, texts: Sequence[str], folder: Path
) -> list[ThumbnailTask]:
    """A picture for each prediction: `folder`/1.png, 2.png … with zeros before, so they sort."""
    faces, digits = faces_of(model), len(str(len(texts)))
    return [
        ThumbnailTask(ThumbnailSubject(faces, prompt, text), folder / f"{number:0{digits}}.png")
        for number, text in enumerate(texts, 1)
    ]


def _from_folder(folder: Path) -> Read:
    def read(name: str) -> bytes | None:
        file = folder / name
        return file.read_bytes() if name == RUN_RECORD and file.is_file() else avatar_bytes(file)

    return read


def _from_repository(repo_id: str) -> Read:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    def read(name: str) -> bytes | None:
        try:
            file = Path(hf_hub_download(repo_id, name))
        except (HfHubHTTPError, HFValidationError, OSError):
            return None
        return file.read_bytes() if file.stat().st_size <= BYTES_LIMIT else None

    return read


def _text(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) else None
