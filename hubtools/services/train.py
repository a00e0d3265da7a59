"""Training a model from posts: its folder and its card; nothing is pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.cards.card import Card, CardAccount, Run
from hubtools.cards.card_file import load_card, save_card
from hubtools.core.config import Project
from hubtools.core.errors import PolicyError
from hubtools.core.events import Reporter
from hubtools.core.repo_names import check_repo_name, repo_name
from hubtools.posts.options import ReadOptions

if TYPE_CHECKING:
    from hubtools.corpus.corpus import Corpus
    from hubtools.services.model_folder import ModelFolder
    from hubtools.training.bases import Bases


from hubtools.services.read import read_corpora


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """What a person asks for."""

    sources: tuple[str, ...]
    base: str
    prompt: str
    seed: int
    recipe: str | None = None
    name: str | None = None
    cleaning: str = "voice"
    language: str | None = None
    """Posts in other languages are left out; None takes all."""
    reading: ReadOptions = field(default_factory=ReadOptions)
    track: str | None = None
    """The tracker that is told how training goes."""
    project: Project | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model's folder and its card."""

    folder: ModelFolder
    card: Card
    card_file: Path


def train_model(
    request: TrainRequest,
    out: Path | None,
    project: Project,
    report: Reporter,
    bases: Bases | None = None,
) -> TrainedModel:
    """The model's folder (`out`, or the project's for its name) without its README, and its card.

    `bases` keeps the base between the models of one process; None loads it for this one.

    Raises SourceError, PolicyError, ModelError, OutputError and MissingExtraError as the parts do.
    """
    from hubtools.training.base import check_base, require_training

    require_training()
    from hubtools.corpus.cleaning import find_cleaning
    from hubtools.corpus.corpus import check_enough
    from hubtools.services.model_folder import make_folder
    from hubtools.training.fitting import RunSettings
    from hubtools.training.recipe import recipe_for
    from hubtools.training.trackers import check_tracker

    check_tracker(request.track)
    if request.name is not None:
        check_repo_name(request.name)
    recipe = recipe_for(request.base, request.recipe)
    cleaning = find_cleaning(request.cleaning, request.language)
    corpora = read_corpora(request.sources, request.reading, cleaning, project, report)
    check_base(request.base)
    for warning in check_enough(corpora):
        report.warn("few_posts", warning)
    name = request.name or _name(corpora)
    _refuse_retired(project.cards_folder / f"{name}.toml")
    settings = RunSettings(
        base=request.base,
        recipe=recipe,
        seed=request.seed,
        prompt=request.prompt,
        cleaning=cleaning.name,
    )
    place = out or project.models_folder / name
    folder = make_folder(place, corpora, settings, report, request.track, bases)
    card_file = project.cards_folder / f"{name}.toml"
    card = _card(name, folder, corpora, request, card_file)
    save_card(card, card_file)
    return TrainedModel(folder=folder, card=card, card_file=card_file)


def _refuse_retired(card_file: Path) -> None:
    if card_file.is_file() and load_card(card_file).state == "retired":
        raise PolicyError(
            "says that the model is retired",
            where=card_file,
            fix="Publish under another --name, or say state = 'published' there",
        )


def _name(corpora: Sequence[Corpus]) -> str:
    handles = [c.account.handle or Path(c.source).stem for c in corpora]
    return repo_name(handles)


def _card(
    name: str,
    folder: ModelFolder,
    corpora: Sequence[Corpus],
    request: TrainRequest,
    card_file: Path,
) -> Card:
    """The card of this run; of one that is there, what a person put in stays.

    A card that tells of this very run is left as it is, edits of its facts included; only how the
    recipe was found may be known since.
    """
    from hubtools.training.recipe import base_folder, recipe_for

    old = load_card(card_file) if card_file.is_file() else Card(repo=name, tags=("huggingtweets",))
    found = recipe_for(request.base, request.recipe).report
    if old.training == folder.run.training and old.evaluation == folder.run.evaluation:
        return replace(old, runs=_with_report(old.runs, found))
    return replace(
        old,
        language=old.language or _language(corpora),
        base_model=None if base_folder(request.base) else request.base,
        prompt=request.prompt,
        accounts=tuple(_account(c, n, folder) for n, c in enumerate(corpora, 1)),
        runs=_runs(old, folder.run.address, found),
        training=folder.run.training,
        evaluation=folder.run.evaluation,
        predictions=folder.run.predictions,
    )


def _runs(old: Card, address: str | None, report: str | None) -> tuple[Run, ...]:
    """What can be looked at of the new run; of the one before only its data and reports."""
    runs = [run for run in old.runs if run.kind != "training"]
    if address:
        runs.append(Run(kind="training", url=address))
    return _with_report(runs, report)


def _with_report(runs: Sequence[Run], report: str | None) -> tuple[Run, ...]:
    if report is None or report in [run.url for run in runs]:
        return tuple(runs)
    return (*runs, Run(kind="report", url=report))


def _language(corpora: Sequence[Corpus]) -> str | tuple[str, ...] | None:
    """What the accounts write in; None when one of them does not say."""
    languages = [corpus.language for corpus in corpora]
    known = tuple(sorted({language for language in languages if language is not None}))
    if None in languages or not known:
        return None
    return known[0] if len(known) == 1 else known


def _account(corpus: Corpus, number: int, folder: ModelFolder) -> CardAccount:
    from hubtools.services.model_folder import avatar_file

    account, picture = corpus.account, avatar_file(number)
    return CardAccount(
        handle=account.handle,
        name=account.name,
        network=account.network,
        avatar=picture if picture in folder.files else account.avatar_url,
        posts=corpus.counts,
    )


def train(request, reporter, cancel, models=None):  # type: ignore[no-untyped-def]
    """Shim until the service is there."""
    from hubtools.core.events import Reporter

    def look(_event: object) -> None:
        cancel.raise_if_cancelled()

    return train_model(
        request, None, request.project, Reporter((*reporter.listeners, look)), models
    )
