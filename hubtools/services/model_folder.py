"""A model's folder, from posts to all but the README: made once, whatever interrupts.

Work goes on in a hidden folder beside the final one, and each step keeps what it finished there.
The record `run.json` is put in place last: a folder that holds it is complete.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from hubtools.core.errors import OutputError
from hubtools.core.events import Reporter
from hubtools.core.files import sha256_file, write_atomically, writing
from hubtools.core.run_record import RUN_RECORD, read_record, sealed_record
from hubtools.corpus.corpus import Corpus
from hubtools.pictures.avatars import avatar_image
from hubtools.pictures.curves import curve_points, draw_curves
from hubtools.pictures.pipeline import draw_pipeline
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.pictures.types import Face, Picture, Pipeline, PipelineSource, ThumbnailSubject
from hubtools.posts.live.avatars import default_fetcher
from hubtools.posts.live.settings import cache_folder
from hubtools.posts.post import Account
from hubtools.services.thumbnail import left_out_note
from hubtools.training.bases import Bases
from hubtools.training.fitting import LOG, RunSettings, clear_traces
from hubtools.training.recipe import base_folder
from hubtools.training.run import TrainRecord, run_training
from hubtools.training.trackers import Tracker

THUMBNAIL = "predictions.png"
PIPELINE = "pipeline.png"
CURVES = "training.png"
WEIGHTS = "model.safetensors"
AVATARS = 12  # accounts whose pictures a card shows
AVATAR_WIDTH = 184  # pixels; cards show avatars 92 wide, on screens of twice the density
_KEY = "key"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A complete folder and what its record says."""

    path: Path
    files: tuple[str, ...]
    """Names of the model's files, the record among them."""
    run: TrainRecord


def make_folder(
    path: Path,
    corpora: Sequence[Corpus],
    settings: RunSettings,
    report: Reporter,
    track: str | None = None,
    bases: Bases | None = None,
) -> ModelFolder:
    """The model of `corpora` in `path`, trained now unless the same is there already.

    Files in `path` that are not the model's are left alone. The log of the training is kept beside
    it, and `track` names a tracker that is told the same. Raises OutputError when `path` or
    the folder beside it cannot be written, and whatever training raises.
    """
    key = run_key(corpora, settings)
    finished = read_folder(path, key)
    if finished is not None:
        report.note(f"{path} holds this model already: nothing to train")
        return finished
    work = path.parent / f".{path.name}.part"
    _prepare(path, work, key)
    tracker = Tracker(track, path.name, _public(settings), report) if track else None
    run = run_training(corpora, settings, work, report, tracker, bases)
    curves = _draw_curves(run, work)
    run = replace(run, training=replace(run.training, curves=curves or None))
    _draw(corpora, run, settings, path.name, work, report)
    clear_traces(work)
    names = sorted(p.name for p in work.iterdir() if p.name not in (_KEY, RUN_RECORD, LOG))
    digests = {name: sha256_file(work / name) for name in names}
    record = sealed_record(_record(key, corpora, settings, run, digests))
    _put_in_place(work, path, names, record)
    return ModelFolder(path, (*names, RUN_RECORD), run)


def read_folder(path: Path, key: str) -> ModelFolder | None:
    """The complete and undamaged folder of the run `key` at `path`; None for anything else."""
    file = path / RUN_RECORD
    record = read_record(file.read_bytes() if file.is_file() else None)
    if record.get("key") != key:
        return None
    digests: Mapping[str, str] = record["files"]
    for name, digest in digests.items():
        if not (path / name).is_file() or sha256_file(path / name) != digest:
            return None
    return ModelFolder(
        path, (*digests, RUN_RECORD), msgspec.convert(record["run"], type=TrainRecord)
    )


def run_key(corpora: Sequence[Corpus], settings: RunSettings) -> str:
    """A digest of all that decides a run's result: accounts, texts, base, recipe, seed, prompt."""
    settings = replace(settings, recipe=replace(settings.recipe, report=None))  # decides nothing
    digest = hashlib.sha256()
    for corpus in corpora:
        account = corpus.account
        digest.update(repr((account.network, account.handle, account.name)).encode())
        digest.update(hashlib.sha256(account.avatar or b"").digest())
        for post in corpus.kept:
            digest.update(repr((post.text, post.created)).encode())
    digest.update(json.dumps(msgspec.to_builtins(settings), sort_keys=True).encode())
    digest.update(_base_digest(settings.base).encode())
    return digest.hexdigest()


def _base_digest(base: str) -> str:
    """What a base in a folder holds; a repository is known by its name."""
    folder = base_folder(base)
    return "".join(map(sha256_file, sorted(folder.glob("*.safetensors")))) if folder else ""


def _prepare(path: Path, work: Path, key: str) -> None:
    """Make `work` for the run `key`, empty unless it holds the beginning of the same run."""
    with writing(path):
        if path.exists() and not path.is_dir():
            raise OutputError("is a file, not a folder", where=path)
        if path.is_dir() and not os.access(path, os.W_OK):
            raise OutputError("cannot be written", where=path, fix="Choose another folder")
        begun = work / _KEY
        if work.exists() and not (begun.is_file() and begun.read_text() == key):
            shutil.rmtree(work)
        work.mkdir(parents=True, exist_ok=True)
        write_atomically(begun, key)


def _put_in_place(work: Path, path: Path, names: Sequence[str], record: str) -> None:
    """Copy the files of `work` to `path`, each in one step, the record first out and last in."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)
        (path / RUN_RECORD).unlink(missing_ok=True)
        for name in names:
            temporary = path / f".{name}.tmp"
            try:
                shutil.copyfile(work / name, temporary)
                temporary.replace(path / name)
            finally:
                temporary.unlink(missing_ok=True)
        write_atomically(path / RUN_RECORD, record)
        if (work / LOG).is_file():
            shutil.move(work / LOG, log_file(path))
        shutil.rmtree(work)


def log_file(path: Path) -> Path:
    """Where the log of the training of the model in `path` is kept: beside it, never published."""
    return path.with_name(f"{path.name}.{LOG}")


def _record(
    key: str,
    corpora: Sequence[Corpus],
    settings: RunSettings,
    run: TrainRecord,
    digests: Mapping[str, str],
) -> dict[str, Any]:
    """What `run.json` says; of the posts only counts and digests."""
    sources = [
        {
            "network": corpus.account.network,
            "handle": corpus.account.handle,
            "name": corpus.account.name,
            "posts": msgspec.to_builtins(corpus.counts),
            "redacted": corpus.redacted,
            "sha256": corpus.digest,
        }
        for corpus in corpora
    ]
    return {
        "key": key,
        "sources": sources,
        "settings": _public(settings),
        "run": msgspec.to_builtins(run),
        "files": dict(digests),
    }


def _public(settings: RunSettings) -> dict[str, Any]:
    """The settings as others may read them."""
    return {**msgspec.to_builtins(settings), "base": _public_name(settings.base)}


def _public_name(base: str) -> str:
    """A base as others may read it: of a folder only its last part, not where it lies here."""
    folder = base_folder(base)
    return folder.resolve().name if folder else base


def _draw(
    corpora: Sequence[Corpus],
    run: TrainRecord,
    settings: RunSettings,
    name: str,
    folder: Path,
    report: Reporter,
) -> None:
    """The thumbnail of the first prediction, the lineage, and the accounts' avatars."""
    accounts = _with_avatars([corpus.account for corpus in corpora])
    faces = tuple(Face(a.name, a.handle, a.avatar) for a in accounts)
    first = run.predictions[0].text if run.predictions else settings.prompt
    pictures = {
        THUMBNAIL: draw_thumbnail(ThumbnailSubject(faces[:6], settings.prompt, first)),
        PIPELINE: draw_pipeline(_lineage(corpora, run, settings, name, folder)),
    }
    for file, picture in pictures.items():
        write_atomically(folder / file, picture.png)
    _say_left_out(pictures.values(), report)
    for number, account in enumerate(accounts, 1):
        image = avatar_image(account.avatar, AVATAR_WIDTH, "#ffffff")
        if image is not None:
            buffer = io.BytesIO()
            image.save(buffer, "PNG", optimize=True)
            write_atomically(folder / avatar_file(number), buffer.getvalue())


def _with_avatars(accounts: Sequence[Account]) -> list[Account]:
    """The accounts, the first of them with the pictures from the web that their source lacks."""
    fetcher = default_fetcher(cache_folder())
    return [
        replace(account, avatar=fetcher.fetch(account.avatar_url))
        if number < AVATARS and account.avatar is None and account.avatar_url
        else account
        for number, account in enumerate(accounts)
    ]


def avatar_file(number: int) -> str:
    """The name of the picture of account `number`, from 1."""
    return f"avatar-{number}.png"


def _draw_curves(run: TrainRecord, folder: Path) -> bool:
    """Draw how the run went, and say whether it says so."""
    picture = draw_curves(curve_points(getattr(run, "history", ())))
    if picture is not None:
        write_atomically(folder / CURVES, picture.png)
    return picture is not None


def _say_left_out(pictures: Iterable[Picture], report: Reporter) -> None:
    said = left_out_note(dict.fromkeys(char for picture in pictures for char in picture.left_out))
    if said:
        report.note(said)


def _lineage(
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
    weights = folder / WEIGHTS
    return Pipeline(
        repo_id=name,
        sources=tuple(sources),
        posts=run.training.posts,
        test_posts=run.evaluation.posts,
        recipe=run.training.recipe,
        epochs=run.training.epochs,
        steps=run.training.steps,
        base_model=_public_name(settings.base),
        base_commit=run.base_commit,
        weights=sha256_file(weights) if weights.is_file() else None,
        parameters=run.training.parameters,
        test_loss=run.evaluation.test_loss,
        bits_per_byte=run.evaluation.bits_per_byte,
    )


__all__ = [
    "ModelFolder", "Picture", "avatar_file", "log_file", "make_folder", "read_folder", "run_key"
]  # fmt: skip
