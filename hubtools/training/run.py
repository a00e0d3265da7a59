"""One training run: fit, save, evaluate, predict, each step done once and kept.

A run works in a folder of its own. What is finished there is not done again, so a run that was
interrupted or killed goes on where it was.
"""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from hubtools.cards.model import Evaluation, Prediction, Training
from hubtools.errors import ModelError
from hubtools.files import write_atomically, writing
from hubtools.report import Reporter
from hubtools.training.adapter import add_adapter, load_adapter, save_adapter
from hubtools.training.base import Base, load_base, quiet_transformers
from hubtools.training.bases import Bases, FreshBases
from hubtools.training.checkpoint import Point
from hubtools.training.corpus import Corpus, KeptPost, split_held_out
from hubtools.training.evaluate import HeldOut, evaluate, likelihoods
from hubtools.training.loop import Fit, fit
from hubtools.training.memorise import TrainingIndex, distinct_2, words
from hubtools.training.ngram import ByteNgram
from hubtools.training.predict import Sampling, generation_config, predict
from hubtools.training.recipe import SCRATCH, Recipe, base_folder
from hubtools.training.tokens import TokenBlocks, tokenize
from hubtools.training.track import Both, FileLog, Tracker

T = TypeVar("T")

LOG = "log.jsonl"
_CHECKPOINT = "checkpoint.pt"
_FITTED = "fitted.json"
_EXAMINED = 100  # predictions looked at for repeated text
_SHOWN = 10
_FLOORS = (1, 3, 5)  # bytes in the n-grams; the last is on the card


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What decides a run's result, besides the posts."""

    base: str
    recipe: Recipe
    seed: int
    prompt: str
    cleaning: str
    """The name of the rules by which posts were chosen."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fitted:
    """What is left in the folder once the weights are final."""

    fit: Fit
    aside: int
    """Posts kept aside to choose the passes."""
    parameters: int
    base: HeldOut | None
    seconds: float
    base_commit: str | None = None


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
    bases = bases or FreshBases()
    with bases.turn():
        fitted = _read(folder / _FITTED, _Fitted)
        if fitted is None:
            fitted, base = _fit(train, fresh, settings, folder, report, tracker, bases)
        else:
            base = _reload(settings, folder, bases)
        said = _predict(base, settings, report)
        scores = _scores(evaluate(base, fresh), fitted.base)
        shown = _shown(base, said, index, settings.prompt, report)
    evaluation = Evaluation(
        **scores,
        predictions=len(said),
        memorised=_share(map(index.repeats, said)),
        memorised_baseline=_share(map(index.repeats, held_out)),
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


def clear_traces(folder: Path) -> None:
    """Remove what only an unfinished run needs."""
    for name in (_CHECKPOINT, _FITTED):
        (folder / name).unlink(missing_ok=True)


def _fit(
    train: Sequence[Sequence[KeptPost]],
    fresh: Sequence[str],
    settings: RunSettings,
    folder: Path,
    report: Reporter,
    tracker: Tracker | None,
    bases: Bases,
) -> tuple[_Fitted, Base]:
    """Train and save; the trained model in memory is the one in the folder."""
    started = time.monotonic()
    recipe = settings.recipe
    texts = [post.text for account in train for post in account]
    base = bases.fresh(settings.base, recipe, texts, settings.seed)
    before = None if settings.base == SCRATCH else evaluate(base, fresh)
    blocks, aside = rows_of(base, train, recipe)
    if recipe.adapter is not None:
        add_adapter(base, recipe.adapter, settings.seed)
        if base_folder(settings.base) is not None:
            report.note(
                "The base lies in a folder of this machine, so nobody else can load the adapter. "
                "Publish the base, and give --base its repository"
            )
    file = FileLog(folder / LOG)
    log = Both(file, tracker) if tracker else file
    with closing(file):
        result = fit(base, blocks, recipe, settings.seed, folder / _CHECKPOINT, report, aside, log)
    _save(base, settings, folder)
    fitted = _Fitted(
        fit=result,
        aside=len(aside.rows) if aside else 0,
        parameters=base.parameters,
        base=before,
        seconds=round(time.monotonic() - started, 1),
        base_commit=base.commit,
    )
    _write(folder / _FITTED, fitted)
    (folder / _CHECKPOINT).unlink(missing_ok=True)
    return fitted, base


def rows_of(
    base: Base, train: Sequence[Sequence[KeptPost]], recipe: Recipe
) -> tuple[TokenBlocks, TokenBlocks | None]:
    """The posts of each account as rows, those apart by which the recipe chooses its passes.

    These are the newest; None where it chooses none.
    """
    if recipe.choose is None:
        return _blocks(base, train, recipe), None
    splits = [split_held_out(posts, recipe.choose.share) for posts in train]
    kept, aside = zip(*splits, strict=True)
    return _blocks(base, kept, recipe), _blocks(base, aside, recipe)


def _blocks(base: Base, accounts: Sequence[Sequence[KeptPost]], recipe: Recipe) -> TokenBlocks:
    """Rows are cut to what the base reads at once, unless they become one stream."""
    context = base.context if recipe.stream is None else None
    ends = (base.start, base.end)
    rows = (tokenize(base.tokenizer, [p.text for p in a], ends, context) for a in accounts)
    return TokenBlocks(tuple(rows))


def _reload(settings: RunSettings, folder: Path, bases: Bases) -> Base:
    """What an earlier run trained."""
    if settings.recipe.adapter is None:
        return load_base(str(folder))
    base = bases.fresh(settings.base, settings.recipe, (), settings.seed)
    load_adapter(base, folder)
    return base


def _save(base: Base, settings: RunSettings, folder: Path) -> None:
    """Weights as safetensors, configuration, generation configuration and tokenizer."""
    base.model.generation_config = generation_config(base, Sampling())
    with writing(folder), quiet_transformers():
        try:
            if settings.recipe.adapter is not None:
                name = base_folder(settings.base)
                public = name.resolve().name if name else settings.base
                save_adapter(base, settings.recipe.adapter, public, folder)
                base.model.generation_config.save_pretrained(folder)
            else:
                base.model.save_pretrained(folder)
            base.tokenizer.save_pretrained(folder)
        except Exception as error:
            # The Rust libraries report a failed write as errors of their own.
            if isinstance(error, OSError) or not re.search(r"os error|Os \{", str(error)):
                raise
            raise OSError(None, str(error), str(folder)) from error


def _predict(base: Base, settings: RunSettings, report: Reporter) -> list[str]:
    """What the model makes of the prompt, to be looked at for repeats and to be shown."""
    with report.bar("predicting", _EXAMINED) as bar:
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
        report.note("Every prediction repeats a training post; the card shows none.")
    return tuple(Prediction(prompt=prompt, text=text) for text in shown)


def _fresh(held_out: Sequence[str], index: TrainingIndex) -> list[str]:
    """Held-out posts that are no near-duplicate of one in training; all where each is."""
    return [text for text in held_out if not index.is_near(text)] or list(held_out)


def _share(found: Iterable[bool]) -> float:
    found = list(found)
    return round(sum(found) / len(found), 4)


def _training(fitted: _Fitted, settings: RunSettings, posts: int) -> Training:
    return Training(
        recipe=settings.recipe.name,
        seed=settings.seed,
        posts=posts,
        tokens=fitted.fit.tokens,
        passes=fitted.fit.passes,
        steps=fitted.fit.steps,
        learning_rate=fitted.fit.learning_rate,
        parameters=fitted.parameters,
        loss=round(fitted.fit.loss, 4),
        aside=fitted.aside or None,
        held=fitted.fit.held,
        adapter_rank=settings.recipe.adapter.rank if settings.recipe.adapter else None,
    )


def _scores(found: HeldOut, base: HeldOut | None) -> dict[str, Any]:
    """What `Evaluation` says of a model and of its base, if it had one."""
    scores = {
        "posts": found.posts,
        "loss": round(found.loss, 4),
        "bits_per_byte": round(found.bits_per_byte, 4),
    }
    if base is not None:
        scores["base_loss"] = round(base.loss, 4)
        scores["base_bits_per_byte"] = round(base.bits_per_byte, 4)
    return scores


def _versions() -> dict[str, str]:
    packages = ("hubtools", "torch", "transformers", "tokenizers", "safetensors", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _read(file: Path, kind: type[T]) -> T | None:
    import msgspec

    if not file.is_file():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise ModelError("is damaged", where=file, fix="Delete its folder and run again") from error


def _write(file: Path, document: Any) -> None:
    import msgspec

    write_atomically(file, msgspec.json.encode(document))
