"""From posts to trained weights in a folder, alone or together with other users.

What is finished in the folder is not done again, so a run that was interrupted or killed goes on
where it was.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hubtools.core.errors import ModelError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically, writing
from hubtools.corpus.corpus import KeptPost, split_held_out
from hubtools.training.base import Base, load_base, quiet_transformers
from hubtools.training.bases import Bases
from hubtools.training.course import Fit
from hubtools.training.evaluate import HeldOut, evaluate
from hubtools.training.gathering import Gathering
from hubtools.training.generate import Sampling, generation_config
from hubtools.training.loop import fit
from hubtools.training.lora import add_adapter, load_adapter, load_weights, save_adapter
from hubtools.training.recipe import SCRATCH, Recipe, base_folder
from hubtools.training.stacked import Learned, User
from hubtools.training.tokens import TokenBlocks, tokenize
from hubtools.training.trackers import Both, FileLog, Log, Tracker

T = TypeVar("T")

LOG = "log.jsonl"
_CHECKPOINT = "checkpoint.pt"
_FITTED = "fitted.json"


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
class Task:
    """One model to train."""

    train: Sequence[Sequence[KeptPost]]
    """The posts of each account."""
    fresh: Sequence[str]
    """Held-out posts that the base is scored on beforehand."""
    settings: RunSettings
    folder: Path
    report: Reporter
    tracker: Tracker | None
    bases: Bases

    @property
    def recipe(self) -> Recipe:
        return self.settings.recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """What is left in the folder once the weights are final."""

    fit: Fit
    aside: int
    """Posts kept aside to choose the passes."""
    parameters: int
    base: HeldOut | None
    seconds: float
    base_commit: str | None = None


Rows = tuple[TokenBlocks, TokenBlocks | None]
"""The posts as rows, and those kept aside to choose the passes by; None where none are."""


@contextmanager
def trained(task: Task) -> Iterator[tuple[Base, Fitted]]:
    """The trained model, within its turn at the device, and how it was made.

    Its files are written meanwhile, and are there when this ends. Raises what `run_training` does.
    """
    done = _read(task.folder / _FITTED, Fitted)
    rows = None if done else _rows_ahead(task)
    if task.recipe.lora is not None and base_folder(task.settings.base) is not None:
        task.report.note(
            "The base lies in a folder of this machine, so nobody else can load the adapter. "
            "Publish the base, and give --base its repository"
        )
    together = task.bases.together(task.settings.base, task.recipe)
    learned = _learn(task, rows, together) if together and done is None else None
    with task.bases.turn(), ThreadPoolExecutor(1) as behind:
        if done is not None:
            yield _reload(task), done
            return
        base, done = _adopt(task, *learned) if learned else _fit(task, rows)
        saving = behind.submit(_keep, task, base, done)
        yield base, done
        saving.result()


def clear_traces(folder: Path) -> None:
    """Remove what only an unfinished run needs."""
    for name in (_CHECKPOINT, _FITTED):
        (folder / name).unlink(missing_ok=True)


def rows_of(base: Base, train: Sequence[Sequence[KeptPost]], recipe: Recipe) -> Rows:
    """The posts of each account as rows, those apart by which the recipe chooses its passes.

    These are the newest; None where it chooses none.
    """
    if recipe.early_stopping is None:
        return _blocks(base, train, recipe), None
    splits = [split_held_out(posts, recipe.early_stopping.val_fraction) for posts in train]
    kept, aside = zip(*splits, strict=True)
    return _blocks(base, kept, recipe), _blocks(base, aside, recipe)


def _blocks(base: Base, accounts: Sequence[Sequence[KeptPost]], recipe: Recipe) -> TokenBlocks:
    """Rows are cut to what the base reads at once, unless they become one stream."""
    context = base.context if recipe.packing is None else None
    ends = (base.start, base.end)
    rows = (tokenize(base.tokenizer, [p.text for p in a], ends, context) for a in accounts)
    return TokenBlocks(tuple(rows))


def _rows_ahead(task: Task) -> Rows | None:
    """The rows before it is this model's turn; None where its tokenizer is not known yet."""
    base = task.bases.kept(task.settings.base, task.recipe)
    return rows_of(base, task.train, task.recipe) if base else None


def _begin(task: Task) -> tuple[Base, HeldOut | None]:
    """The base as it was read, and how well it predicts before anything is learned."""
    settings = task.settings
    texts = [post.text for account in task.train for post in account]
    base = task.bases.fresh(settings.base, settings.recipe, texts, settings.seed)
    return base, None if settings.base == SCRATCH else evaluate(base, task.fresh)


def _fit(task: Task, rows: Rows | None) -> tuple[Base, Fitted]:
    """Train alone."""
    started = time.monotonic()
    base, before = _begin(task)
    blocks, aside = rows or rows_of(base, task.train, task.recipe)
    seed = task.settings.seed
    if task.recipe.lora is not None:
        add_adapter(base, task.recipe.lora, seed)
    place = task.folder / _CHECKPOINT
    with _log(task) as log:
        found = fit(base, blocks, task.recipe, seed, place, task.report, aside, log)
    return base, _fitted(base, found, aside, before, time.monotonic() - started)


def _learn(
    task: Task, rows: Rows | None, gathering: Gathering
) -> tuple[Learned, TokenBlocks | None, HeldOut | None]:
    """Train with others: wait for them, and for what comes of it."""
    with task.bases.turn():
        base, before = _begin(task)
    blocks, aside = rows or rows_of(base, task.train, task.recipe)
    with _log(task) as log:
        user = User(
            blocks=blocks, aside=aside, seed=task.settings.seed, report=task.report, log=log
        )
        return gathering.learn(task.settings.base, task.recipe, user), aside, before


def _adopt(
    task: Task, learned: Learned, aside: TokenBlocks | None, before: HeldOut | None
) -> tuple[Base, Fitted]:
    """The base with what was learned in a group."""
    settings = task.settings
    base = task.bases.fresh(settings.base, settings.recipe, (), settings.seed)
    if task.recipe.lora is not None:
        add_adapter(base, task.recipe.lora, settings.seed)
        load_weights(base, learned.weights)
    else:
        model: Any = base.model
        model.load_state_dict(learned.weights, strict=False)  # tied ones have one name here
    base.model.eval()
    return base, _fitted(base, learned.fit, aside, before, learned.seconds)


def _fitted(
    base: Base, fit: Fit, aside: TokenBlocks | None, before: HeldOut | None, seconds: float
) -> Fitted:
    return Fitted(
        fit=fit,
        aside=len(aside.rows) if aside else 0,
        parameters=base.parameters,
        base=before,
        seconds=round(seconds, 1),
        base_commit=base.commit,
    )


@contextmanager
def _log(task: Task) -> Iterator[Log]:
    file = FileLog(task.folder / LOG)
    with closing(file):
        yield Both(file, task.tracker) if task.tracker else file


def _reload(task: Task) -> Base:
    """What an earlier run trained."""
    settings = task.settings
    if settings.recipe.lora is None:
        return load_base(str(task.folder))
    base = task.bases.fresh(settings.base, settings.recipe, (), settings.seed)
    load_adapter(base, task.folder)
    return base


def _keep(task: Task, base: Base, fitted: Fitted) -> None:
    """Write the model and, last, that it is finished."""
    _save(base, task.settings, task.folder)
    write_atomically(task.folder / _FITTED, _encoded(fitted))
    (task.folder / _CHECKPOINT).unlink(missing_ok=True)


def _save(base: Base, settings: RunSettings, folder: Path) -> None:
    """Weights as safetensors, configuration, generation configuration and tokenizer."""
    base.model.generation_config = generation_config(base, Sampling())
    with writing(folder), quiet_transformers():
        try:
            if settings.recipe.lora is not None:
                name = base_folder(settings.base)
                public = name.resolve().name if name else settings.base
                save_adapter(base, settings.recipe.lora, public, folder)
                base.model.generation_config.save_pretrained(folder)
            else:
                base.model.save_pretrained(folder)
            base.tokenizer.save_pretrained(folder)
        except Exception as error:
            # The Rust libraries report a failed write as errors of their own.
            if isinstance(error, OSError) or not re.search(r"os error|Os \{", str(error)):
                raise
            raise OSError(None, str(error), str(folder)) from error


def _read(file: Path, kind: type[T]) -> T | None:
    import msgspec

    if not file.is_file():
        return None
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except msgspec.MsgspecError as error:
        raise ModelError("is damaged", where=file, fix="Delete its folder and run again") from error


def _encoded(document: Any) -> bytes:
    import msgspec

    return msgspec.json.encode(document)
