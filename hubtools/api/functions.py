"""The functions of the Python API: what the commands do, for notebooks and programs.

Every function works in the project around the working directory, as the commands do, unless
`project` names another, and raises HubtoolsError, whose text is one line for a person. `reporter`
receives the events of a function; without one it is silent.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.api.objects import Model, Posts
from hubtools.cards.card import Card
from hubtools.cards.card_file import load_card, save_card
from hubtools.cards.check import Finding
from hubtools.cards.selection import named_cards
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project, find_project
from hubtools.core.defaults import DEFAULT_BASE, DEFAULT_CLEANING, DEFAULT_PROMPT, DEFAULT_SEED
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.posts.options import ReadOptions
from hubtools.posts.post import Account
from hubtools.posts.sources.memory import PostData, account_posts
from hubtools.services import apply as apply_service
from hubtools.services import plan as plan_service
from hubtools.services import publish as publish_service
from hubtools.services import pull as pull_service
from hubtools.services import read as read_service
from hubtools.services import retire as retire_service
from hubtools.services import train as train_service
from hubtools.services.check_cards import CheckRequest, check_cards
from hubtools.services.pull import PullResult
from hubtools.services.render_cards import project_renderer
from hubtools.services.retire import RetireResult
from hubtools.services.train import TrainedModel
from hubtools.sync.apply import ApplyResult
from hubtools.sync.plan import Plan

if TYPE_CHECKING:
    pass


def read(
    *sources: str | Path | PostData,
    account: Account | None = None,
    cleaning: str = DEFAULT_CLEANING,
    language: str | None = None,
    text_column: str | None = None,
    unlisted: bool = False,
    project: Project | None = None,
    reporter: Reporter | None = None,
) -> Posts:
    """Read posts and clean them.

    A source is a path (an archive, an API dump, a table), an address (`mastodon:user@host`,
    `bluesky:handle`), or what a program has in memory: a list of texts, of `Post` or of records, or
    a pandas or polars frame with a column of texts. `account` says whose posts the latter are.
    Several sources make one model of several accounts.

    Raises SourceError for a source that cannot be read, PolicyError for an account on the deny
    list, UsageError for the same posts twice.
    """
    options = ReadOptions(text_column=text_column, unlisted=unlisted)
    request = read_service.ReadRequest(
        project=project or find_project(),
        sources=tuple(
            source if isinstance(source, str | Path) else account_posts(source, account, options)
            for source in sources
        ),
        options=options,
        cleaning=cleaning,
        language=language,
    )
    return Posts(read_service.read(request, reporter or Reporter(), CancelToken()).corpora, request)


def train(
    posts: Posts,
    *,
    base: str = DEFAULT_BASE,
    prompt: str = DEFAULT_PROMPT,
    recipe: str | Path | None = None,
    seed: int = DEFAULT_SEED,
    name: str | None = None,
    out: str | Path | None = None,
    project: Project | None = None,
    reporter: Reporter | None = None,
) -> Model:
    """Train a model of `posts` in `models/NAME` or `out`, unless it exists, and write its card.

    `base` is a causal language model on the Hub, a folder, or `scratch`; `recipe` a packaged recipe
    or a .toml file. An interrupted run resumes. Raises PolicyError for too few posts, ModelError
    for an unusable base, MissingExtraError without the extra `train`.
    """
    request = _train_request(posts, base, prompt, recipe, seed, name, out, project)
    return _model(train_service.train(request, reporter or Reporter(), CancelToken()))


def publish(
    posts: Posts,
    *,
    to: str | None = None,
    namespace: str | None = None,
    base: str = DEFAULT_BASE,
    prompt: str = DEFAULT_PROMPT,
    recipe: str | Path | None = None,
    seed: int = DEFAULT_SEED,
    name: str | None = None,
    project: Project | None = None,
    reporter: Reporter | None = None,
) -> Model:
    """Train a model of `posts`, as `train` does, and publish it to the Hub `to`.

    Raises what `train` and `apply` raise.
    """
    train = _train_request(posts, base, prompt, recipe, seed, name, None, project)
    request = publish_service.PublishRequest(train=train, to=to, namespace=namespace)
    published = publish_service.publish(request, reporter or Reporter(), CancelToken())
    return replace(_model(published.model), repo_id=published.repo_id, url=published.url)


def predict(
    model: str | Path | Model,
    prompt: str | None = None,
    *,
    n: int = 10,
    temperature: float = 1.0,
    top_p: float = 0.95,
    max_tokens: int = 160,
    seed: int | None = None,
    to: str | None = None,
) -> list[str]:
    """Generate posts with a model: `Model.open(model, to=to).predict(prompt, …)`."""
    opened = model if isinstance(model, Model) else Model.open(model, to=to)
    return opened.predict(
        prompt, n=n, temperature=temperature, top_p=top_p, max_tokens=max_tokens, seed=seed
    )


def load(name: str, *, project: Project | None = None) -> Card:
    """Read the card `cards/NAME.toml`. Raises CardError when it is missing or invalid."""
    (file,) = named_cards((project or find_project()).cards_folder, [name])
    return load_card(file)


def save(card: Card, *, project: Project | None = None) -> Path:
    """Write a card to `cards/NAME.toml`, keeping the file's comments, and return the file.

    `card.prose` is not written: `cards/NAME.md` is yours to edit.
    """
    file = (project or find_project()).cards_folder / f"{card.repo}.toml"
    save_card(card, file)
    return file


def render(
    card: Card | str, *, namespace: str | None = None, project: Project | None = None
) -> str:
    """The README.md of a card, or of the card with this name. Raises CardError."""
    here = project or find_project()
    found = load(card, project=here) if isinstance(card, str) else card
    return project_renderer(here, namespace).render(found)


def check(*names: str, project: Project | None = None) -> tuple[Finding, ...]:
    """Find mistakes in the cards with these names, or in all cards; each has a file and a line.

    Raises CardError for a name without a card.
    """
    request = CheckRequest(project=project or find_project(), names=names or None)
    return check_cards(request, Reporter(), CancelToken()).findings


def plan(
    *what: Card | Model | str,
    to: str | None = None,
    namespace: str | None = None,
    project: Project | None = None,
    reporter: Reporter | None = None,
) -> Plan:
    """Compare these cards, or all of them, with the Hub and return what `apply` would change.

    Nothing is changed. Raises UsageError for a card that was modified and not saved, and
    AccessError or HubUnavailableError when the Hub does not answer.
    """
    here = project or find_project()
    names = tuple(_saved_name(each, here) for each in what)
    request = plan_service.PlanRequest(project=here, names=names, to=to, namespace=namespace)
    return plan_service.plan(request, reporter or Reporter(), CancelToken()).plan


def apply(
    plan: Plan,
    *,
    max_changes: str | int | None = None,
    project: Project | None = None,
    reporter: Reporter | None = None,
) -> ApplyResult:
    """Carry out `plan` and nothing else.

    Raises ConflictError when the cards or the Hub changed since the plan was made, or when it
    contains someone else's edit; PolicyError above `max_changes`; PartlyDoneError when a rerun
    has more to do.
    """
    request = apply_service.ApplyRequest(
        project=project or find_project(), plan=plan, max_changes=max_changes
    )
    applied = apply_service.apply(request, reporter or Reporter(), CancelToken())
    applied.raise_for_failure()
    return applied


def pull(
    *names: str,
    own: bool = False,
    to: str | None = None,
    namespace: str | None = None,
    project: Project | None = None,
    reporter: Reporter | None = None,
) -> PullResult:
    """Bring edits made on the Hub into these cards, or into all cards in conflict.

    With `own`, the README becomes the card's text exactly as it is. Cards that cannot be merged
    are in the result's `conflicts`.
    """
    request = pull_service.PullRequest(
        project=project or find_project(),
        names=names,
        all=not names,
        own=own,
        to=to,
        namespace=namespace,
    )
    return pull_service.pull(request, reporter or Reporter(), CancelToken())


def retire(
    name: str,
    *,
    delete: bool = False,
    to: str | None = None,
    namespace: str | None = None,
    project: Project | None = None,
    reporter: Reporter | None = None,
) -> RetireResult:
    """Take the model of a card down and put its accounts on the deny list.

    Its repository becomes private, or is deleted with `delete`. Raises CardError for a name
    without a card, AccessError when the token may not write.
    """
    request = retire_service.RetireRequest(
        project=project or find_project(), name=name, delete=delete, to=to, namespace=namespace
    )
    retired = retire_service.retire(request, reporter or Reporter(), CancelToken())
    if retired.applied is not None:
        retired.applied.raise_for_failure()
    return retired


def _train_request(
    posts: Posts,
    base: str,
    prompt: str,
    recipe: str | Path | None,
    seed: int,
    name: str | None,
    out: str | Path | None,
    project: Project | None,
) -> train_service.TrainRequest:
    reading = posts.request
    return train_service.TrainRequest(
        project=project or reading.project,
        posts=posts.corpora,
        base=base,
        prompt=prompt,
        recipe=str(recipe) if recipe is not None else None,
        seed=seed,
        name=name,
        out=Path(out).absolute() if out is not None else None,
        cleaning=reading.cleaning,
        language=reading.language,
    )


def _model(trained: TrainedModel) -> Model:
    return Model(str(trained.folder.path), trained.card, trained.card_file)


def _saved_name(what: Card | Model | str, project: Project) -> str:
    """The name of a card; raises UsageError for one that differs from its file."""
    if isinstance(what, str):
        return what
    card = what.card if isinstance(what, Model) else what
    if card is None:
        raise UsageError("the model has no card", fix="Pass the name of a card")
    if isinstance(what, Model):
        return card.repo
    if replace(load(card.repo, project=project), prose=None) != replace(card, prose=None):
        raise UsageError(
            "the card differs from its file",
            where=project.cards_folder / f"{card.repo}.toml",
            fix="Save it first: save(card)",
        )
    return card.repo
