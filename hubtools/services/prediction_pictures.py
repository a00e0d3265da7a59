"""Predictions as pictures to share: a thumbnail each, with the avatars of the accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from hubtools.core.cancel import CancelToken
from hubtools.core.events import Reporter
from hubtools.core.run_record import RUN_RECORD, read_record
from hubtools.pictures import require_pictures
from hubtools.pictures.theme import ThemeName
from hubtools.pictures.types import SHOWN_ACCOUNTS, Face, ThumbnailSubject, ThumbnailTask
from hubtools.services.thumbnail import avatar_bytes, avatar_file

ReadFile = Callable[[str], bytes | None]
"""Gives the bytes of one of a model's files, None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPicturesRequest:
    """A model's predictions, and the folder for a picture of each."""

    model: str
    """A folder, or a repository id."""
    prompt: str
    texts: tuple[str, ...]
    out: Path
    theme: ThemeName = ThemeName.LIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPicturesResult:
    """The PNGs in the order of the predictions, and the characters that no font has."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def draw_predictions(
    request: PredictionPicturesRequest, reporter: Reporter, cancel: CancelToken
) -> PredictionPicturesResult:
    """Draw a picture of each prediction: `out`/1.png, 2.png, …

    Raises MissingExtraError without the extra `pictures`, OutputError for a file that cannot be
    written.
    """
    require_pictures("Drawing predictions")
    from hubtools.pictures.bulk import draw_all

    tasks = prediction_tasks(request.model, request.prompt, request.texts, request.out)
    left_out = draw_all(tasks, request.theme.theme, reporter=reporter, cancel=cancel)
    return PredictionPicturesResult(files=tuple(task.file for task in tasks), left_out=left_out)


def faces_of(model: str) -> tuple[Face, ...]:
    """The accounts of a model's folder or repository, from its `run.json` and avatars.

    A model that hubtools did not train has no such record: its name stands for its accounts.
    """
    read = _from_folder(Path(model)) if Path(model).is_dir() else _from_repository(model)
    sources = read_record(read(RUN_RECORD)).get("sources")
    rows = [row for row in sources if isinstance(row, Mapping)] if isinstance(sources, list) else []
    if not rows:
        return (Face(Path(model).resolve().name if Path(model).is_dir() else model, None, None),)
    return tuple(
        Face(
            _text(row, "name"),
            _text(row, "handle"),
            read(avatar_file(number)) if number <= SHOWN_ACCOUNTS else None,
        )
        for number, row in enumerate(rows, 1)
    )


def prediction_tasks(
    model: str, prompt: str, texts: Sequence[str], folder: Path
) -> list[ThumbnailTask]:
    """A picture of each prediction in `folder`, numbered from 1 with zeros before, so they sort."""
    faces, digits = faces_of(model), len(str(len(texts)))
    return [
        ThumbnailTask(ThumbnailSubject(faces, prompt, text), folder / f"{number:0{digits}}.png")
        for number, text in enumerate(texts, 1)
    ]


def _from_folder(folder: Path) -> ReadFile:
    def read(name: str) -> bytes | None:
        file = folder / name
        return file.read_bytes() if name == RUN_RECORD and file.is_file() else avatar_bytes(file)

    return read


def _from_repository(repo_id: str) -> ReadFile:
    def read(name: str) -> bytes | None:
        try:
            file = Path(hf_hub_download(repo_id, name))
        except (HfHubHTTPError, HFValidationError, OSError):
            return None
        return avatar_bytes(file)

    return read


def _text(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    return value if isinstance(value, str) else None
