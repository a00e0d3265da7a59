"""A model's folder: train, draw the pictures, write run.json, put it in place.

Work goes on in a hidden folder beside the final one, and each step keeps what it finished there.
`run.json` is put in place last, so a folder that holds it is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import OutputError
from hubtools.core.events import Reporter
from hubtools.core.files import sha256_file, write_atomically, writing
from hubtools.core.run_record import RUN_RECORD, read_record, sealed_record
from hubtools.corpus.corpus import Corpus
from hubtools.services.model_pictures import draw_curves_of, draw_pictures
from hubtools.training.model_cache import ModelCache
from hubtools.training.recipe import base_folder, public_name
from hubtools.training.run import LOG, RunSettings, TrainRecord, clear_run_files, run_training
from hubtools.training.trackers import open_tracker

_KEY = "key"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A complete folder and what its run.json says."""

    path: Path
    files: tuple[str, ...]
    """Names of the model's files, run.json among them."""
    run: TrainRecord


def make_model_folder(
    path: Path,
    corpora: Sequence[Corpus],
    settings: RunSettings,
    reporter: Reporter,
    cancel: CancelToken,
    *,
    tracker: str | None = None,
    models: ModelCache | None = None,
) -> ModelFolder:
    """Train the model of `corpora` into `path`, unless it is there already.

    Other files in `path` are left alone; the log of the training is kept beside it. `tracker`
    names one that gets the metrics. Raises OutputError when `path` or the folder beside it cannot
    be written, and what training raises.
    """
    key = run_key(corpora, settings)
    finished = read_model_folder(path, key)
    if finished is not None:
        reporter.note(f"{path} already holds this model: nothing to train")
        return finished
    work = path.parent / f".{path.name}.part"
    _prepare(path, work, key)
    opened = open_tracker(tracker, path.name, _public(settings), reporter) if tracker else None
    run = run_training(corpora, settings, work, reporter, cancel, opened, models)
    if draw_curves_of(run, work):
        run = replace(run, training=replace(run.training, curves=True))
    draw_pictures(corpora, run, settings, path.name, work, reporter)
    clear_run_files(work)
    names = sorted(p.name for p in work.iterdir() if p.name not in (_KEY, RUN_RECORD, LOG))
    digests = {name: sha256_file(work / name) for name in names}
    record = sealed_record(_record(key, corpora, settings, run, digests))
    _put_in_place(work, path, names, record)
    return ModelFolder(path, (*names, RUN_RECORD), run)


def read_model_folder(path: Path, key: str) -> ModelFolder | None:
    """The complete and undamaged folder of the run `key` at `path`; None for anything else."""
    file = path / RUN_RECORD
    record = read_record(file.read_bytes() if file.is_file() else None)
    if record.get("key") != key:
        return None
    digests: Mapping[str, str] = record["files"]
    for name, digest in digests.items():
        if not (path / name).is_file() or sha256_file(path / name) != digest:
            return None
    run = msgspec.convert(record["run"], type=TrainRecord)
    return ModelFolder(path, (*digests, RUN_RECORD), run)


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
    folder = base_folder(settings.base)  # a repository is known by its name
    for weights in sorted(folder.glob("*.safetensors")) if folder else ():
        digest.update(sha256_file(weights).encode())
    return digest.hexdigest()


def log_file(path: Path) -> Path:
    """Where the training log of the model in `path` is kept: beside it, never published."""
    return path.with_name(f"{path.name}.{LOG}")


def _prepare(path: Path, work: Path, key: str) -> None:
    """Make `work` for the run `key`, empty unless it holds the beginning of the same run."""
    with writing(path):
        if path.exists() and not path.is_dir():
            raise OutputError("is a file, not a folder", where=path)
        if path.is_dir() and not os.access(path, os.W_OK):
            raise OutputError("is not writable", where=path, fix="Choose another folder")
        begun = work / _KEY
        if work.exists() and not (begun.is_file() and begun.read_text() == key):
            shutil.rmtree(work)
        work.mkdir(parents=True, exist_ok=True)
        write_atomically(begun, key)


def _put_in_place(work: Path, path: Path, names: Sequence[str], record: str) -> None:
    """Copy the files of `work` to `path`, each in one step: run.json leaves first, comes last."""
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


def _record(
    key: str,
    corpora: Sequence[Corpus],
    settings: RunSettings,
    run: TrainRecord,
    digests: Mapping[str, str],
) -> dict[str, Any]:
    """The content of run.json; of the posts only counts and digests."""
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
    return {**msgspec.to_builtins(settings), "base": public_name(settings.base)}
