"""Train a model on posts: its folder, its card and its README; nothing is pushed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.cards.card import Card, CardAccount, RunLink
from hubtools.cards.card_file import load_card, save_card
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import PolicyError
from hubtools.core.events import Reporter
from hubtools.core.repo_names import check_repo_name, repo_name
from hubtools.corpus.cleaning import find_cleaning
from hubtools.corpus.corpus import Corpus, check_enough
from hubtools.posts.deny_list import refuse_denied
from hubtools.posts.options import ReadOptions
from hubtools.services.read import ReadRequest, read
from hubtools.services.readme import write_readme
from hubtools.services.render_cards import project_renderer
from hubtools.services.thumbnail import avatar_file
from hubtools.training.extra import require_training
from hubtools.training.recipe import Recipe, base_folder, recipe_for
from hubtools.training.trackers import check_tracker

if TYPE_CHECKING:
    from hubtools.services.model_folder import ModelFolder
    from hubtools.training.model_cache import ModelCache


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainRequest:
    """The model to train."""

    project: Project
    sources: tuple[str, ...] = ()
    """Paths and addresses of posts."""
    posts: tuple[Corpus, ...] = ()
    """Posts that have been read, instead of `sources`."""
    base: str
    recipe: str | None = None
    """A name or a .toml file; None is the default of the base."""
    seed: int
    prompt: str
    name: str | None = None
    """Of card and repository; None is made from the accounts' handles."""
    out: Path | None = None
    """The model's folder; None is the project's for the name."""
    namespace: str | None = None
    """Of the repository id in the README; None is the project's."""
    cleaning: str = "voice"
    language: str | None = None
    """Posts in other languages are left out; None keeps all."""
    reading: ReadOptions = field(default_factory=ReadOptions)
    tracker: str | None = None
    """The experiment tracker that gets the metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedModel:
    """A model's folder and its card."""

    folder: ModelFolder
    card: Card
    card_file: Path


def train(
    request: TrainRequest,
    reporter: Reporter,
    cancel: CancelToken,
    models: ModelCache | None = None,
) -> TrainedModel:
    """Train the model, unless its folder holds it already; write its card and README.

    `models` keeps the base from one model of a process to the next.

    Raises SourceError for unreadable posts, PolicyError for too few, a denied account or a retired
    model, ModelError for an unusable base, ConflictError for a README edited by hand, OutputError,
    MissingExtraError, and CancelledError with all that is needed to resume.
    """
    require_training()
    from hubtools.training.find_base import check_base

    check_tracker(request.tracker)
    if request.name is not None:
        check_repo_name(request.name)
    recipe = recipe_for(request.base, request.recipe)
    cleaning = find_cleaning(request.cleaning, request.language)
    corpora = _corpora(request, reporter, cancel)
    check_base(request.base)
    for warning in check_enough(corpora):
        reporter.warn("few_posts", warning)
    name = request.name or _name(corpora)
    card_file = request.project.cards_folder / f"{name}.toml"
    old = load_card(card_file) if card_file.is_file() else None
    if old is not None and old.state == "retired":
        raise PolicyError(
            "the model is retired",
            where=card_file,
            fix="Use another --name, or set state = 'published' there",
        )
    # Only now: what training needs takes seconds to import.
    from hubtools.services.model_folder import make_model_folder
    from hubtools.training.run import RunSettings

    settings = RunSettings(
        base=request.base,
        recipe=recipe,
        seed=request.seed,
        prompt=request.prompt,
        cleaning=cleaning.name,
    )
    folder = make_model_folder(
        request.out or request.project.models_folder / name,
        corpora,
        settings,
        reporter,
        cancel,
        tracker=request.tracker,
        models=models,
    )
    card = _card(old, name, folder, corpora, request, recipe)
    save_card(card, card_file)
    renderer = project_renderer(request.project, request.namespace)
    write_readme(folder.path, card, card_file, renderer)
    return TrainedModel(folder=folder, card=card, card_file=card_file)


def _corpora(request: TrainRequest, reporter: Reporter, cancel: CancelToken) -> tuple[Corpus, ...]:
    if request.posts:
        refuse_denied([corpus.account for corpus in request.posts], request.project)
        return request.posts
    reading = ReadRequest(
        project=request.project,
        sources=request.sources,
        options=request.reading,
        cleaning=request.cleaning,
        language=request.language,
    )
    return read(reading, reporter, cancel).corpora


def _name(corpora: Sequence[Corpus]) -> str:
    handles = [c.account.handle or Path(c.source).stem for c in corpora]
    return repo_name(handles)


def _card(
    old: Card | None,
    name: str,
    folder: ModelFolder,
    corpora: Sequence[Corpus],
    request: TrainRequest,
    recipe: Recipe,
) -> Card:
    """The card of this run; what a person added to an existing card stays.

    A card of this very run is left as it is, edits of its facts included, except that a report of
    the recipe may be new.
    """
    run = folder.run
    if old is None:
        old = Card(repo=name, tags=("hubtools",))
    elif old.training == run.training and old.evaluation == run.evaluation:
        return replace(old, runs=_with_report(old.runs, recipe.report))
    return replace(
        old,
        language=old.language or _language(corpora),
        base_model=None if base_folder(request.base) else request.base,
        prompt=request.prompt,
        accounts=tuple(_account(c, n, folder) for n, c in enumerate(corpora, 1)),
        runs=_runs(old, run.tracker_url, recipe.report),
        training=run.training,
        evaluation=run.evaluation,
        predictions=run.predictions,
    )


def _runs(old: Card, tracker_url: str | None, report: str | None) -> tuple[RunLink, ...]:
    """Links of the new run; of the one before only those to its data and reports."""
    runs = [run for run in old.runs if run.kind != "training"]
    if tracker_url:
        runs.append(RunLink(kind="training", url=tracker_url))
    return _with_report(runs, report)


def _with_report(runs: Sequence[RunLink], report: str | None) -> tuple[RunLink, ...]:
    if report is None or report in [run.url for run in runs]:
        return tuple(runs)
    return (*runs, RunLink(kind="report", url=report))


def _language(corpora: Sequence[Corpus]) -> str | tuple[str, ...] | None:
    """The languages of the accounts; None when one of them is not known."""
    languages = [corpus.language for corpus in corpora]
    known = tuple(sorted({language for language in languages if language is not None}))
    if None in languages or not known:
        return None
    return known[0] if len(known) == 1 else known


def _account(corpus: Corpus, number: int, folder: ModelFolder) -> CardAccount:
    account, picture = corpus.account, avatar_file(number)
    return CardAccount(
        handle=account.handle,
        name=account.name,
        network=account.network,
        avatar=picture if picture in folder.files else account.avatar_url,
        posts=corpus.counts,
    )
