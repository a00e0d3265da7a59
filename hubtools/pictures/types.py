"""What goes into the pictures and what comes out: plain values that need no drawing library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

MAX_AVATAR_BYTES = 8 * 1024 * 1024
SHOWN_ACCOUNTS = 6
"""Accounts that a thumbnail shows; it counts the others."""

MarkKind = Literal["text", "emoji", "box", "picture", "line"]


@dataclass(frozen=True, slots=True)
class Mark:
    """One thing that was drawn and the box it occupies, in whole px."""

    kind: MarkKind
    left: int
    top: int
    width: int
    height: int
    text: str = ""
    size: float = 0.0
    """Type size in px; 0 for anything but text."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn picture: its PNG, the characters that no font has, and where everything stands."""

    png: bytes
    left_out: tuple[str, ...]
    layout: tuple[Mark, ...]

    def _repr_png_(self) -> bytes:
        """How notebooks show a picture."""
        return self.png


@dataclass(frozen=True, slots=True)
class Face:
    """An account as the thumbnail shows it; `avatar` holds the bytes of an image file."""

    name: str | None
    handle: str | None
    avatar: bytes | None


@dataclass(frozen=True, slots=True)
class ThumbnailSubject:
    """What a thumbnail shows: the accounts, a prompt, and the prediction that starts with it."""

    accounts: tuple[Face, ...]
    prompt: str
    prediction: str


@dataclass(frozen=True, slots=True)
class ThumbnailTask:
    """A thumbnail to draw, and the PNG to write it to."""

    subject: ThumbnailSubject
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSource:
    """One account's posts: how many were downloaded, and how many were kept."""

    name: str | None = None
    handle: str | None = None
    downloaded: int | None = None
    kept: int | None = None
    digest: str | None = None
    """SHA-256 of its posts, in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """How a model was made; the picture leaves out what is None."""

    repo_id: str
    sources: tuple[PipelineSource, ...] = ()
    posts: int | None = None
    """Posts in the train split."""
    test_posts: int | None = None
    """Posts in the test split."""
    recipe: str | None = None
    epochs: int | None = None
    steps: int | None = None
    base_model: str | None = None
    """A repository id, or "scratch"."""
    base_commit: str | None = None
    """Of the base model's repository, in hex."""
    weights: str | None = None
    """SHA-256 of the model's weights, in hex."""
    parameters: int | None = None
    test_loss: float | None = None
    """Cross-entropy, nats/token."""
    bits_per_byte: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """What was measured at one step of a training run; losses in nats/token."""

    step: int
    train_loss: float | None = None
    """Mean since the point before."""
    val_loss: float | None = None
    """On the validation split, not the test split that the evaluation uses."""
    learning_rate: float | None = None
    epoch: float | None = None
    """Epochs completed so far."""
