"""One training run: from posts to a model in a folder, with the record of how good it is.

What is finished in the folder is not done again, so a run that was interrupted or killed resumes.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import ModelError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically
from hubtools.core.results import Evaluation, Prediction, Training
from hubtools.corpus.corpus import Corpus
from hubtools.corpus.split import Split, split_posts
from hubtools.training.base import Base, load_base
from hubtools.training.checkpoint import HistoryPoint
from hubtools.training.data import TrainData, prepare
from hubtools.training.evaluate import Score, evaluate, likelihoods
from hubtools.training.export import save_model
from hubtools.training.generate import predict
from hubtools.training.lora import add_adapter, load_adapter
from hubtools.training.memorization import TrainingIndex, distinct_2, words
from hubtools.training.model_cache import ModelCache
from hubtools.training.multi_model import GroupGradients, ModelGroup
from hubtools.training.ngram import ByteNgram
from hubtools.training.recipe import SCRATCH, Recipe, base_folder
from hubtools.training.sampling import Sampling
from hubtools.training.trackers import LogFile, Tracker, Trackers
from hubtools.training.trainer import Trainer, TrainResult

LOG = "log.jsonl"
_CHECKPOINT = "checkpoint.pt"
_TRAINED = "trained.json"
_CHECKED = 100  # predictions checked for memorized text
_SHOWN = 10
_BASELINES = (1, 3, 5)  # bytes in the n-grams; the card shows the last


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
    """What a run did and how good its model is: `run` in run.json."""

    training: Training
    evaluation: Evaluation
    baselines: Mapping[str, float]
    """Bits per byte of byte n-gram models of the same posts."""
    predictions: tuple[Prediction, ...]
    train_losses: tuple[float, ...]
    """Mean of each epoch, nats/token."""
    history: tuple[HistoryPoint, ...]
    """Four points an epoch; validation losses at the ends of epochs."""
    device: str
    versions: Mapping[str, str]
    seconds: float
    """Of training, without what an interrupted run did before."""
    tracker_url: str | None = None
    """Where others can look at the run."""
    base_commit: str | None = None
    """Of the base's repository, where it is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trained:
    """What the folder keeps once the weights are final."""

    result: TrainResult
    val_posts: int
    parameters: int
    base: Score | None
    """The base's before training; None from scratch."""
    seconds: float
    base_commit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The inputs of a run in progress."""

    splits: Sequence[Split]
    test: Sequence[str]
    """Test posts that are not near-duplicates of training posts."""
    settings: RunSettings
    folder: Path
    reporter: Reporter
    cancel: CancelToken
    tracker: Tracker
    models: ModelCache


def run_training(
    corpora: Sequence[Corpus],
    settings: RunSettings,
    folder: Path,
    reporter: Reporter,
    cancel: CancelToken,
    tracker: Tracker | None = None,
    models: ModelCache | None = None,
) -> TrainRecord:
    """Train the model of `corpora` in `folder` and evaluate it.

    Raises ModelError for a base that cannot be used, OutputError when the folder cannot be
    written, CancelledError once `cancel` is set, with all that is needed to resume in the folder.
    """
    stopping = settings.recipe.early_stopping
    val_fraction = stopping.val_fraction if stopping else 0.0
    splits = [split_posts(corpus.kept, val_fraction=val_fraction) for corpus in corpora]
    seen = [post.text for split in splits for post in (*split.train, *split.validation)]
    unseen = [post.text for split in splits for post in split.test]
    index = TrainingIndex(seen)
    test = [text for text in unseen if not index.is_near(text)] or unseen
    baselines = {
        f"byte {order}-gram": round(ByteNgram(seen, order).bits_per_byte(test), 4)
        for order in _BASELINES
    }
    log = LogFile(folder / LOG)
    trackers = Trackers(log, tracker) if tracker else Trackers(log)
    run = _Run(
        splits=splits,
        test=test,
        settings=settings,
        folder=folder,
        reporter=reporter,
        cancel=cancel,
        tracker=trackers,
        models=models or ModelCache(capacity=0),
    )
    try:
        with _trained(run) as (base, trained):
            texts = _generate(run, base)
            with reporter.task("evaluate", 1):
                score = evaluate(base, test)
            predictions = _shown(run, base, texts, index)
        evaluation = Evaluation(
            posts=score.texts,
            test_loss=round(score.loss, 4),
            perplexity=round(score.perplexity, 2),
            bits_per_byte=round(score.bits_per_byte, 4),
            base_loss=round(trained.base.loss, 4) if trained.base else None,
            base_bits_per_byte=round(trained.base.bits_per_byte, 4) if trained.base else None,
            predictions=len(texts),
            memorized_fraction=_fraction(map(index.repeats, texts)),
            memorized_baseline=_fraction(map(index.repeats, unseen)),
            ngram_bits_per_byte=baselines[f"byte {_BASELINES[-1]}-gram"],
            distinct_2=round(distinct_2(texts), 4),
            repeated=round(1 - len(set(map(words, texts))) / len(texts), 4),
        )
        known = {key: value for key, value in asdict(evaluation).items() if value is not None}
        trackers.summary(known, trained.result.steps)
    finally:
        url = trackers.finish()
    return TrainRecord(
        training=_training(trained, settings, len(seen)),
        evaluation=evaluation,
        baselines=baselines,
        predictions=predictions,
        train_losses=trained.result.train_losses,
        history=trained.result.history,
        device=trained.result.device,
        versions=_versions(),
        seconds=trained.seconds,
        tracker_url=url,
        base_commit=trained.base_commit,
    )


def clear_run_files(folder: Path) -> None:
    """Remove what only an unfinished run needs."""
    for name in (_CHECKPOINT, _TRAINED):
        (folder / name).unlink(missing_ok=True)


# Training, or what an earlier run trained


@contextmanager
def _trained(run: _Run) -> Iterator[tuple[Base, _Trained]]:
    """The trained model, within a turn at the device; its files are written meanwhile."""
    if run.settings.recipe.lora is not None and base_folder(run.settings.base) is not None:
        run.reporter.warn(
            "local_base",
            "The base is a folder of this machine, so nobody else can load the adapter. "
            "Publish the base, and set --base to its repository.",
        )
    trained = _read_trained(run.folder / _TRAINED)
    if trained is not None:
        with run.models.turn():
            yield _load_trained(run), trained
        return
    group = run.models.group(run.settings.base, run.settings.recipe)
    together = _train_in_group(run, group) if group is not None else None
    ahead = None if together else _prepare_ahead(run)
    with run.models.turn(), ThreadPoolExecutor(1) as pool:
        base, trained = together or _train_alone(run, ahead)
        saving = pool.submit(_save, run, base, trained)
        yield base, trained
        saving.result()


def _prepare_ahead(run: _Run) -> TrainData | None:
    """Tokenize before it is this model's turn, where the tokenizer is known."""
    base = run.models.peek(run.settings.base, run.settings.recipe)
    return prepare(base, run.splits, run.settings.recipe) if base else None


def _train_alone(run: _Run, data: TrainData | None) -> tuple[Base, _Trained]:
    settings, started = run.settings, time.monotonic()
    texts = [post.text for s in run.splits for post in (*s.train, *s.validation)]
    base = run.models.load(settings.base, settings.recipe, texts, settings.seed)
    before = None if settings.base == SCRATCH else evaluate(base, run.test)
    data = data or prepare(base, run.splits, settings.recipe)
    result = _trainer(run, base, data).train()
    return base, _summarized(base, data, before, result, time.monotonic() - started)


def _train_in_group(run: _Run, group: ModelGroup) -> tuple[Base, _Trained]:
    settings = run.settings
    with group.member(run.cancel):
        started = time.monotonic()
        with run.models.turn():
            base = run.models.load_copy(settings.base, settings.recipe, settings.seed)
            before = evaluate(base, run.test)
            data = prepare(base, run.splits, settings.recipe)
            gradients = GroupGradients(group, base, settings.recipe, run.reporter)
            trainer = _trainer(run, base, data, gradients)
        result = trainer.train()
    return base, _summarized(base, data, before, result, time.monotonic() - started)


def _trainer(
    run: _Run, base: Base, data: TrainData, gradients: GroupGradients | None = None
) -> Trainer:
    settings = run.settings
    if settings.recipe.lora is not None:
        add_adapter(base.model, settings.recipe.lora, settings.seed)
    return Trainer(
        base,
        data,
        settings.recipe,
        seed=settings.seed,
        checkpoint=run.folder / _CHECKPOINT,
        reporter=run.reporter,
        cancel=run.cancel,
        tracker=run.tracker,
        gradients=gradients,
    )


def _summarized(
    base: Base, data: TrainData, before: Score | None, result: TrainResult, seconds: float
) -> _Trained:
    return _Trained(
        result=result,
        val_posts=len(data.validation.rows) if data.validation else 0,
        parameters=base.parameters,
        base=before,
        seconds=round(seconds, 1),
        base_commit=base.commit,
    )


def _load_trained(run: _Run) -> Base:
    settings = run.settings
    if settings.recipe.lora is None:
        return load_base(str(run.folder))
    base = run.models.load(settings.base, settings.recipe, (), settings.seed)
    load_adapter(base.model, run.folder)
    return base


def _save(run: _Run, base: Base, trained: _Trained) -> None:
    """Write the model and, last, that it is complete."""
    save_model(base, run.settings.base, run.settings.recipe, run.folder)
    write_atomically(run.folder / _TRAINED, msgspec.json.encode(trained))
    (run.folder / _CHECKPOINT).unlink(missing_ok=True)


def _read_trained(file: Path) -> _Trained | None:
    if not file.is_file():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Trained)
    except msgspec.MsgspecError as error:
        raise ModelError("is damaged", where=file, fix="Delete its folder and run again") from error


# Predictions and the record


def _generate(run: _Run, base: Base) -> list[str]:
    settings = run.settings
    with run.reporter.task("generate", _CHECKED) as task:
        return predict(
            base,
            settings.prompt,
            _CHECKED,
            settings.seed,
            Sampling(),
            task=task,
            cancel=run.cancel,
        )


def _shown(
    run: _Run, base: Base, texts: Sequence[str], index: TrainingIndex
) -> tuple[Prediction, ...]:
    """The first predictions that are not memorized, the likeliest first: it is on the picture."""
    prompt = run.settings.prompt
    own = [text for text in texts if not index.repeats(text)]
    shown = [text for text in dict.fromkeys(own) if text != prompt][:_SHOWN]
    likely = dict(zip(shown, likelihoods(base, shown), strict=True))
    shown.sort(key=likely.__getitem__, reverse=True)
    if not shown:
        run.reporter.warn(
            "all_memorized", "Every prediction repeats a training post; the card shows none."
        )
    return tuple(Prediction(prompt=prompt, text=text) for text in shown)


def _fraction(found: Iterable[bool]) -> float:
    found = list(found)
    return round(sum(found) / len(found), 4)


def _training(trained: _Trained, settings: RunSettings, posts: int) -> Training:
    result = trained.result
    return Training(
        recipe=settings.recipe.name,
        seed=settings.seed,
        posts=posts,
        tokens=result.tokens,
        epochs=result.epochs,
        steps=result.steps,
        learning_rate=result.learning_rate,
        parameters=trained.parameters,
        train_loss=round(result.train_losses[-1], 4),
        val_loss=result.val_loss,
        val_posts=trained.val_posts or None,
        best_epoch=result.best_epoch,
        stable_epochs=result.stable_epochs,
        lora_rank=settings.recipe.lora.rank if settings.recipe.lora else None,
    )


def _versions() -> dict[str, str]:
    packages = ("hf-hubtools", "torch", "transformers", "tokenizers", "safetensors", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}
