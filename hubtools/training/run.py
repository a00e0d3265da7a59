"""One training run: from posts to a model in a folder, with what is to be said of it."""

from __future__ import annotations

import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hubtools.core.events import Reporter
from hubtools.core.results import Evaluation, Prediction, Training
from hubtools.corpus.corpus import Corpus, split_held_out
from hubtools.training.base import Base
from hubtools.training.bases import Bases, FreshBases
from hubtools.training.checkpoint import Point
from hubtools.training.evaluate import HeldOut, evaluate, likelihoods
from hubtools.training.fitting import Fitted, RunSettings, Task, trained
from hubtools.training.generate import Sampling, predict
from hubtools.training.memorization import TrainingIndex, distinct_2, words
from hubtools.training.ngram import ByteNgram
from hubtools.training.trackers import Tracker

_EXAMINED = 100  # predictions looked at for repeated text
_SHOWN = 10
_FLOORS = (1, 3, 5)  # bytes in the n-grams; the last is on the card


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRecord:
    """What a run did and found."""

    training: Training
    evaluation: Evaluation
    floors: Mapping[str, float]
    """Bits per byte of simple models, counted from the same posts."""
    predictions: tuple[Prediction, ...]
    losses: tuple[float, ...]
    """Mean training loss of every pass."""
    history: tuple[Point, ...]
    """The curve: four points a pass, the loss on posts kept aside at the ends of passes."""
    device: str
    versions: Mapping[str, str]
    seconds: float
    """Of training, without what an interrupted run did before."""
    address: str | None = None
    """Where others can look at the run."""
    base_commit: str | None = None
    """Of the base's repository, where it is one."""


def run_training(
    corpora: Sequence[Corpus],
    settings: RunSettings,
    folder: Path,
    report: Reporter,
    tracker: Tracker | None = None,
    bases: Bases | None = None,
) -> TrainRecord:
    """Make the model of `corpora` in `folder` and say how it went, `tracker` too.

    `bases` gives the base and says when the device is free; None loads it and waits for nobody.

    Raises ModelError for a base that cannot be used, OutputError when the folder cannot be
    written, KeyboardInterrupt after Ctrl-C, with all that is needed to go on in the folder.
    """
    splits = [split_held_out(corpus.kept) for corpus in corpora]
    train = [kept for kept, _ in splits]
    held_out = [post.text for _, out in splits for post in out]
    seen = [post.text for account in train for post in account]
    index = TrainingIndex(seen)
    fresh = _fresh(held_out, index)
    floors = {f"byte {n}-gram": round(ByteNgram(seen, n).bits_per_byte(fresh), 4) for n in _FLOORS}
    task = Task(
        train=train,
        fresh=fresh,
        settings=settings,
        folder=folder,
        report=report,
        tracker=tracker,
        bases=bases or FreshBases(),
    )
    with trained(task) as (base, fitted):
        said = _predict(base, settings, report)
        scores = _scores(evaluate(base, fresh), fitted.base)
        shown = _shown(base, said, index, settings.prompt, report)
    evaluation = Evaluation(
        **scores,
        predictions=len(said),
        memorized_fraction=_share(map(index.repeats, said)),
        memorized_baseline=_share(map(index.repeats, held_out)),
        ngram_bits_per_byte=floors[f"byte {_FLOORS[-1]}-gram"],
        distinct_2=round(distinct_2(said), 4),
        repeated=round(1 - len(set(map(words, said))) / len(said), 4),
    )
    if tracker:
        tracker.result(asdict(evaluation), fitted.fit.steps)
    return TrainRecord(
        address=tracker.finish() if tracker else None,
        training=_training(fitted, settings, len(seen)),
        evaluation=evaluation,
        floors=floors,
        predictions=shown,
        losses=fitted.fit.losses,
        history=fitted.fit.curve,
        device=fitted.fit.device,
        versions=_versions(),
        seconds=fitted.seconds,
        base_commit=fitted.base_commit,
    )


def _predict(base: Base, settings: RunSettings, report: Reporter) -> list[str]:
    """What the model makes of the prompt, to be looked at for repeats and to be shown."""
    with report.task("predicting", _EXAMINED) as bar:
        texts = predict(base, settings.prompt, _EXAMINED, settings.seed, Sampling())
        bar.advance(_EXAMINED)
    return texts


def _shown(
    base: Base, texts: Sequence[str], index: TrainingIndex, prompt: str, report: Reporter
) -> tuple[Prediction, ...]:
    """The first predictions that repeat nothing, the likeliest first: it is on the picture."""
    own = [text for text in texts if not index.repeats(text)]
    shown = [text for text in dict.fromkeys(own) if text != prompt][:_SHOWN]
    likely = dict(zip(shown, likelihoods(base, shown), strict=True))
    shown.sort(key=likely.__getitem__, reverse=True)
    if not shown:
        report.warn(
            "all_memorized", "Every prediction repeats a training post; the card shows none."
        )
    return tuple(Prediction(prompt=prompt, text=text) for text in shown)


def _fresh(held_out: Sequence[str], index: TrainingIndex) -> list[str]:
    """Held-out posts that are no near-duplicate of one in training; all where each is."""
    return [text for text in held_out if not index.is_near(text)] or list(held_out)


def _share(found: Iterable[bool]) -> float:
    found = list(found)
    return round(sum(found) / len(found), 4)


def _training(fitted: Fitted, settings: RunSettings, posts: int) -> Training:
    return Training(
        recipe=settings.recipe.name,
        seed=settings.seed,
        posts=posts,
        tokens=fitted.fit.tokens,
        epochs=fitted.fit.epochs,
        steps=fitted.fit.steps,
        learning_rate=fitted.fit.learning_rate,
        parameters=fitted.parameters,
        train_loss=round(fitted.fit.loss, 4),
        val_posts=fitted.aside or None,
        best_epoch=fitted.fit.held,
        lora_rank=settings.recipe.lora.rank if settings.recipe.lora else None,
    )


def _scores(found: HeldOut, base: HeldOut | None) -> dict[str, Any]:
    """What `Evaluation` says of a model and of its base, if it had one."""
    scores = {
        "posts": found.posts,
        "test_loss": round(found.loss, 4),
        "perplexity": round(math.exp(found.loss), 2),
        "bits_per_byte": round(found.bits_per_byte, 4),
    }
    if base is not None:
        scores["base_loss"] = round(base.loss, 4)
        scores["base_bits_per_byte"] = round(base.bits_per_byte, 4)
    return scores


def _versions() -> dict[str, str]:
    packages = ("hf-hubtools", "torch", "transformers", "tokenizers", "safetensors", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
