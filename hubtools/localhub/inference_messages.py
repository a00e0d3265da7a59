"""The messages between the server and the inference worker, one JSON object per line."""

from __future__ import annotations

from typing import TypeAlias

from msgspec import Struct


class Generate(Struct, frozen=True, tag="generate"):
    """Generate `count` predictions with the model in `folder`; seeds count up from `seed`."""

    id: int
    folder: str
    prompt: str
    count: int
    seed: int


class StopGenerating(Struct, frozen=True, tag="stop"):
    """Stop working on request `id`."""

    id: int


class Queued(Struct, frozen=True, tag="queued"):
    """The request waits for the `ahead` ones before it; the server says so, not the worker."""

    ahead: int


class ModelLoading(Struct, frozen=True, tag="loading"):
    """The model is being loaded, because it is not the one of the request before."""


class GeneratedText(Struct, frozen=True, tag="text", omit_defaults=True):
    """A prediction so far, prompt included; its last message is `done`.

    The server adds the addresses of the page and the picture that share a finished one.
    """

    index: int
    """From 0."""
    text: str
    done: bool = False
    share_url: str | None = None
    picture_url: str | None = None


class GenerationFailed(Struct, frozen=True, tag="error"):
    """There will be no more predictions; `error` is a sentence for the visitor."""

    error: str


WorkerRequest: TypeAlias = Generate | StopGenerating
GenerationEvent: TypeAlias = Queued | ModelLoading | GeneratedText | GenerationFailed


class WorkerReply(Struct, frozen=True):
    """What happened to request `id`; without an event, the request has ended."""

    id: int
    event: GenerationEvent | None = None
