"""Models for the pages' tests: put into a store without a client in between."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hubtools.cards.card import Card
from hubtools.cards.render import CardRenderer
from hubtools.core.run_record import sealed_record
from hubtools.localhub.store import Store
from hubtools.localhub.types import AddFile, Commit, NewCommit, Query, RepoId
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.pictures.types import Face, ThumbnailSubject
from tests.cards.samples import HARBOUR

RECORD = {
    "sources": [
        {
            "network": "x",
            "handle": "harbourlog",
            "name": "Harbour Log ⚓",
            "posts": {"downloaded": 1510, "kept": 1240},
            "redacted": 3,
            "sha256": "ab" * 32,
        }
    ],
    "settings": {
        "base": "scratch",
        "seed": 1234,
        "recipe": {"name": "scratch", "max_grad_norm": 1.0},
    },
    "run": {
        "training": {
            "epochs": 3,
            "best_epoch": 2,
            "train_loss": 1.2841,
            "val_loss": 1.5172,
            "parameters": 2271360,
        },
        "evaluation": {"test_loss": 2.0125, "perplexity": 7.482, "bits_per_byte": 1.4334},
        "train_losses": [4.5, 3.25, 2.0],
        "history": [
            {"epoch": 1, "step": 10, "learning_rate": 1e-3, "train_loss": 4.5, "val_loss": 4.0},
            {"epoch": 2, "step": 20, "learning_rate": 5e-4, "train_loss": 3.25, "val_loss": 3.5},
            {"epoch": 3, "step": 30, "learning_rate": 1e-4, "train_loss": 2.0, "val_loss": None},
        ],
        "device": "cpu",
        "versions": {"python": "3.11.7"},
    },
}


def put(store: Store, name: str, files: Mapping[str, bytes], title: str = "Publish") -> Commit:
    """Commit files to `namespace/name`, which is made when it is missing."""
    repo_id = RepoId(*name.split("/"))
    with store.snapshot() as snapshot:
        known = [repo.id for repo in snapshot.page(Query()).repos]
    if repo_id not in known:
        store.create(repo_id, author="me")
    with store.objects.staging() as staging:
        added = tuple(AddFile(path, staging.add(data)) for path, data in files.items())
        return store.commit(repo_id, NewCommit("me", title, added))


def put_model(
    store: Store, name: str, *, card: Card = HARBOUR, weights: Path | None = None
) -> Commit:
    """A whole model: card, picture and record, and the files of a model that can be run."""
    namespace, _, repo = name.partition("/")
    card = replace(card, repo=repo, accounts=tuple(replace(a, avatar=None) for a in card.accounts))
    faces = tuple(Face(a.name, a.handle, None) for a in card.accounts)
    first = card.predictions[0]
    picture = draw_thumbnail(ThumbnailSubject(faces, first.prompt, first.text)).png
    files = {
        "README.md": CardRenderer(namespace, "https://huggingface.co").render(card).encode(),
        "predictions.png": picture,
        "pipeline.png": picture,
    }
    if weights is not None:
        files |= {file.name: file.read_bytes() for file in weights.iterdir()}
    digests = {
        path: hashlib.sha256(data).hexdigest()
        for path, data in files.items()
        if path != "README.md"
    }
    files["run.json"] = sealed_record({**RECORD, "files": digests}).encode()
    return put(store, name, files)
