"""Generate posts with a model: a folder, or a repository on a Hub."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.core.cancel import CancelToken
from hubtools.core.defaults import DEFAULT_PROMPT
from hubtools.core.events import Reporter
from hubtools.core.extras import require_extra
from hubtools.sync.http_errors import translated_errors
from hubtools.sync.target import connect, parse_target
from hubtools.training.sampling import Sampling

if TYPE_CHECKING:
    from hubtools.training.base import Base

_FILES = ["*.json", "*.safetensors", "*.txt", "avatar-*.png"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictRequest:
    """The posts to generate."""

    model: str
    """A folder or a repository id."""
    to: str | None = None
    """The Hub that holds the repository, as `--to` writes it; None is huggingface.co."""
    prompt: str = DEFAULT_PROMPT
    n: int = 10
    seed: int | None = None
    """Same seed, same posts; None draws one."""
    temperature: float = 1.0
    top_p: float = 0.95
    max_tokens: int = 160
    """The longest post, with its prompt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictResult:
    """Generated posts, each of which begins with the prompt."""

    place: str
    """The model's folder, or its id on huggingface.co."""
    prompt: str
    seed: int
    predictions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model in memory, ready to generate."""

    place: str
    """The folder it was loaded from, or its id on huggingface.co."""
    base: Base


def load_model(model: str, to: str | None = None) -> LoadedModel:
    """Load a folder or repository.

    Raises ModelError when it is not a usable model, MissingExtraError without the extra `train`,
    and AccessError or HubUnavailableError when the Hub does not hand it over.
    """
    require_extra("train", "Generating posts", "torch", "transformers")
    from hubtools.training.find_base import check_base

    place = model if to is None or Path(model).is_dir() else _download(model, to)
    check_base(place)
    from hubtools.training.base import load_base  # slow to import

    return LoadedModel(place, load_base(place))


def predict(
    request: PredictRequest,
    reporter: Reporter,
    cancel: CancelToken,
    loaded: LoadedModel | None = None,
) -> PredictResult:
    """Generate posts; `loaded` is the request's model where it is in memory already.

    Raises UsageError for a prompt that leaves no room, and what `load_model` raises.
    """
    loaded = loaded or load_model(request.model, request.to)
    from hubtools.training.generate import predict as generate

    seed, sampling = _seed(request), _sampling(request)
    with reporter.task("Generating", request.n) as task:
        texts = generate(
            loaded.base, request.prompt, request.n, seed, sampling, task=task, cancel=cancel
        )
    return PredictResult(
        place=loaded.place, prompt=request.prompt, seed=seed, predictions=tuple(texts)
    )


def stream(request: PredictRequest, cancel: CancelToken) -> Iterator[str]:
    """Generate the first of the posts that `predict` would, piece by piece."""
    loaded = load_model(request.model, request.to)
    from hubtools.training.generate import stream as generate

    for piece in generate(loaded.base, request.prompt, _seed(request), _sampling(request)):
        cancel.raise_if_cancelled()
        yield piece


def _download(model: str, to: str) -> str:
    target = parse_target(to, Path.cwd())
    with connect(target) as api, translated_errors(f"{model} on {target}"):
        return str(api.snapshot_download(model, allow_patterns=_FILES))


def _seed(request: PredictRequest) -> int:
    return secrets.randbelow(2**31) if request.seed is None else request.seed


def _sampling(request: PredictRequest) -> Sampling:
    return Sampling(
        temperature=request.temperature, top_p=request.top_p, max_tokens=request.max_tokens
    )
