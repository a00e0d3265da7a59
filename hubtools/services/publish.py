"""From posts to a published model: the one place where training and sync meet.

Three steps, each of which knows whether it is done: make the model's folder, write its card,
push the folder. So `publish` after an interruption of any kind does what is left and no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.cards.card import Card, CardAccount, Run
from hubtools.cards.card_file import load_card, save_card
from hubtools.cards.render import CardRenderer, is_sealed
from hubtools.core.config import Project
from hubtools.core.errors import ConflictError, HubUnavailableError, PolicyError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically
from hubtools.core.repo_names import check_repo_name, repo_name
from hubtools.posts.deny_list import refuse_denied, refuse_denied_sources
from hubtools.posts.live.address import is_live
from hubtools.posts.live.read import read_live
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account, Timeline
from hubtools.posts.registry import read_timeline
from hubtools.services.session import Session, make_plan, open_session
from hubtools.sync.apply import apply
from hubtools.sync.plan import README
from hubtools.sync.target import Target

if TYPE_CHECKING:
    from hubtools.corpus.cleaning import Cleaning
    from hubtools.corpus.corpus import Corpus
    from hubtools.services.model_folder import ModelFolder
    from hubtools.training.bases import Bases


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A model's folder and its card."""

    folder: ModelFolder
    card: Card
    card_file: Path


@dataclass(frozen=True, slots=True)
class Pushed:
    """A repository as it now stands."""

    repo_id: str
    commit: str
    uploaded: tuple[str, ...]
    """Empty when everything was there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A model on a Hub."""

    made: Made
    pushed: Pushed
    url: str


def publish(
    request: ModelRequest, target: Target, namespace: str | None, project: Project, report: Reporter
) -> Published:
    """Make the model that `request` asks for, unless it is made, and bring it to `target`.

    `namespace` None means "me" on a local Hub and the name behind the token elsewhere. Raises the
    errors of reading, training, rendering and the Hub, each with its exit code.
    """
    if namespace is not None:
        check_repo_name(namespace)
    # A wrong token is better known before the training than after; a Hub that is away may be
    # back by then.
    if target.kind != "local":
        opened = open_session(project, target, namespace, report, writing=True)
        with suppress(HubUnavailableError), opened:
            pass
    made = make_model(request, None, project, report)
    with open_session(project, target, namespace, report, writing=True) as session:
        write_readme(made, session.namespace, target, project)
        report.note(f"Publishing {session.namespace}/{made.card.repo} to {target}")
        pushed = push(made.card_file, session)
    return Published(made=made, pushed=pushed, url=target.page(pushed.repo_id))


def push(card_file: Path, session: Session) -> Pushed:
    """Bring one card and the folder of its model to the Hub, by a plan of its own.

    Raises ConflictError when somebody else changed what would be overwritten, and what requests
    raise.
    """
    plan = make_plan(session, [card_file], whole=False).plan
    (change,) = plan.changes
    fleet, private = session.fleet([card_file]), session.project.config.hub.private
    done = apply(plan, fleet, session.hub, session.memory, session.report, private=private)
    if done.interrupted:
        raise KeyboardInterrupt
    error = done.error()
    if error is not None:
        raise error
    commit = done.heads.get(change.repo, change.head or "")
    return Pushed(change.repo, commit, tuple(change.files))


def make_model(
    request: ModelRequest,
    out: Path | None,
    project: Project,
    report: Reporter,
    bases: Bases | None = None,
) -> Made:
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
        report.note(f"Warning: {warning}")
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
    return Made(folder=folder, card=card, card_file=card_file)


def _refuse_retired(card_file: Path) -> None:
    if card_file.is_file() and load_card(card_file).state == "retired":
        raise PolicyError(
            "says that the model is retired",
            where=card_file,
            fix="Publish under another --name, or say state = 'published' there",
        )


def read_corpora(
    sources: Sequence[str],
    reading: ReadOptions,
    cleaning: Cleaning,
    project: Project,
    report: Reporter,
) -> tuple[Corpus, ...]:
    """What training would see of each source by the rules of `cleaning`, in their order.

    Raises SourceError for one that cannot be read, PolicyError for an account on the deny list,
    UsageError for the same posts twice and for a language that a source does not say.
    """
    from hubtools.corpus.corpus import build_corpus

    refuse_denied_sources(sources, project)
    corpora: list[Corpus] = []
    for source in sources:
        timeline = _read(source, reading, project, report)
        corpus = build_corpus(timeline, cleaning)
        if any(corpus.digest == other.digest for other in corpora):
            raise UsageError("holds the same posts as another source", where=source)
        corpora.append(corpus)
        counts = corpus.counts
        report.note(
            f"Read {source}: {counts.downloaded} posts, {counts.reposts} reposts, "
            f"{counts.short} short, {counts.kept} kept"
        )
        for note in corpus.notes:
            report.note(f"  {note}")
    return tuple(corpora)


def _read(source: str, reading: ReadOptions, project: Project, report: Reporter) -> Timeline:
    """The posts of a source whose account is not on the deny list."""

    def allow(account: Account) -> None:
        refuse_denied([account], project)

    if is_live(source):
        if reading.unlisted:
            raise UsageError("--unlisted is for exports, not for addresses", where=source)
        return read_live(source, report=report, allow=allow)
    timeline = read_timeline(source, options=reading)
    allow(timeline.account)
    return timeline


def write_readme(made: Made, namespace: str, target: Target, project: Project) -> Path:
    """Render the card into the model's folder.

    Raises ConflictError when the README there was edited by hand: an edit belongs to the card.
    """
    renderer = CardRenderer(
        namespace, target.files_url, project.config.project, project.templates_folder
    )
    text = renderer.render(made.card)
    file = made.folder.path / README
    if file.is_file():
        there = file.read_text(encoding="utf-8", errors="replace")
        if there != text and not is_sealed(there):
            raise ConflictError(
                "was edited by hand and would be overwritten",
                where=file,
                fix=f"Put the text into {made.card_file.with_suffix('.md')}, and remove this file",
            )
    write_atomically(file, text)
    return file


def _name(corpora: Sequence[Corpus]) -> str:
    handles = [c.account.handle or Path(c.source).stem for c in corpora]
    return repo_name(handles)


def _card(
    name: str,
    folder: ModelFolder,
    corpora: Sequence[Corpus],
    request: ModelRequest,
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
