"""The pictures in a model's folder: thumbnail, pipeline, training curves, avatars."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from hubtools.core.events import Reporter
from hubtools.core.files import sha256_file, write_atomically
from hubtools.corpus.corpus import Corpus
from hubtools.pictures.avatars import avatar_image
from hubtools.pictures.curves import draw_curves
from hubtools.pictures.pipeline import draw_pipeline
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.pictures.types import (
    CurvePoint,
    Face,
    Pipeline,
    PipelineSource,
    ThumbnailSubject,
)
from hubtools.posts.live.avatars import default_fetcher
from hubtools.posts.live.settings import cache_folder
from hubtools.posts.post import Account
from hubtools.services.thumbnail import THUMBNAIL, avatar_file, left_out_note
from hubtools.training.recipe import public_name
from hubtools.training.run import RunSettings, TrainRecord

PIPELINE = "pipeline.png"
CURVES = "training.png"
_WEIGHTS = "model.safetensors"
_AVATARS = 12  # accounts whose avatars are fetched
_AVATAR_WIDTH = 184  # pixels; cards show avatars 92 wide, on screens of twice the density


def draw_pictures(
    corpora: Sequence[Corpus],
    run: TrainRecord,
    settings: RunSettings,
    name: str,
    folder: Path,
    reporter: Reporter,
) -> None:
    """Draw all but the curves into `folder`, which holds the weights of the model `name`."""
    accounts = _with_avatars([corpus.account for corpus in corpora])
    faces = tuple(Face(a.name, a.handle, a.avatar) for a in accounts)
    first = run.predictions[0].text if run.predictions else settings.prompt
    pictures = {
        THUMBNAIL: draw_thumbnail(ThumbnailSubject(faces, settings.prompt, first)),
        PIPELINE: draw_pipeline(_pipeline(corpora, run, settings, name, folder)),
    }
    for file, picture in pictures.items():
        write_atomically(folder / file, picture.png)
    for number, account in enumerate(accounts, 1):
        image = avatar_image(account.avatar, _AVATAR_WIDTH, "#ffffff")
        if image is not None:
            buffer = io.BytesIO()
            image.save(buffer, "PNG", optimize=True)
            write_atomically(folder / avatar_file(number), buffer.getvalue())
    left_out = dict.fromkeys(char for one in pictures.values() for char in one.left_out)
    if left_out:
        reporter.warn("left_out", left_out_note(left_out))


def draw_curves_of(run: TrainRecord, folder: Path) -> bool:
    """Draw the training curves; False where the run is too short for any."""
    picture = draw_curves([CurvePoint(**asdict(point)) for point in run.history])
    if picture is not None:
        write_atomically(folder / CURVES, picture.png)
    return picture is not None


def _with_avatars(accounts: Sequence[Account]) -> list[Account]:
    fetcher = default_fetcher(cache_folder())
    return [
        replace(account, avatar=fetcher.fetch(account.avatar_url))
        if number < _AVATARS and account.avatar is None and account.avatar_url
        else account
        for number, account in enumerate(accounts)
    ]


def _pipeline(
    corpora: Sequence[Corpus], run: TrainRecord, settings: RunSettings, name: str, folder: Path
) -> Pipeline:
    sources = (
        PipelineSource(
            name=corpus.account.name,
            handle=corpus.account.handle,
            downloaded=corpus.counts.downloaded,
            kept=corpus.counts.kept,
            digest=corpus.digest,
        )
        for corpus in corpora
    )
    weights = folder / _WEIGHTS
    return Pipeline(
        repo_id=name,
        sources=tuple(sources),
        posts=run.training.posts,
        test_posts=run.evaluation.posts,
        recipe=run.training.recipe,
        epochs=run.training.epochs,
        steps=run.training.steps,
        base_model=public_name(settings.base),
        base_commit=run.base_commit,
        weights=sha256_file(weights) if weights.is_file() else None,
        parameters=run.training.parameters,
        test_loss=run.evaluation.test_loss,
        bits_per_byte=run.evaluation.bits_per_byte,
    )
