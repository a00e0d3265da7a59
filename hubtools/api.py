"""The Python API: what the commands do, for notebooks and programs.

Import it from `hubtools`. Every function works in the project that the working directory lies in,
as the commands do, and raises HubtoolsError, whose text is one line for a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.cards.card import Card
from hubtools.core.cancel import CancelToken, cancel_on_interrupt
from hubtools.core.config import Project, find_project
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.posts.options import ReadOptions

if TYPE_CHECKING:
    from hubtools.corpus.corpus import Corpus
    from hubtools.pictures.drawing import Picture
    from hubtools.sync.apply import ApplyResult
    from hubtools.sync.plan import Plan
    from hubtools.training.base import Base

DEFAULT_BASE = "openai-community/gpt2"
DEFAULT_PROMPT = "My dream is"
DEFAULT_SEED = 42


@dataclass(frozen=True)
class Posts:
    """The posts of one account or several, as training sees them."""

    sources: tuple[str, ...]
    corpora: tuple[Corpus, ...]
    cleaning: str
    language: str | None
    reading: ReadOptions

    @property
    def texts(self) -> list[str]:
        """Every text that is kept, account after account."""
        return [post.text for corpus in self.corpora for post in corpus.kept]

    def _repr_html_(self) -> str:
        from hubtools.core.notebook import render_fragment

        reasons = sorted({reason for corpus in self.corpora for reason in corpus.reasons})
        return render_fragment("posts", corpora=self.corpora, reasons=reasons)


@dataclass(frozen=True)
class Model:
    """A trained model: its folder and its card."""

    folder: Path
    card: Card
    card_file: Path

    @property
    def thumbnail(self) -> Picture:
        """The picture that its card begins with."""
        return self._picture("predictions.png")

    @property
    def pipeline(self) -> Picture:
        """The picture of how it was made."""
        return self._picture("pipeline.png")

    def predict(
        self, prompt: str | None = None, count: int = 10, seed: int | None = None
    ) -> list[str]:
        """`count` posts that begin with `prompt`; the same `seed` makes the same posts."""
        import secrets

        from hubtools.training.generate import Sampling, predict

        start = prompt if prompt is not None else self.card.prompt or DEFAULT_PROMPT
        chosen = secrets.randbelow(2**31) if seed is None else seed
        return predict(self._base, start, count, chosen, Sampling())

    @cached_property
    def _base(self) -> Base:
        from hubtools.training.extra import require_training

        require_training()
        from hubtools.training.base import load_base

        return load_base(str(self.folder))

    def _picture(self, name: str) -> Picture:
        from hubtools.pictures.drawing import Picture

        return Picture((self.folder / name).read_bytes(), (), ())

    def _repr_html_(self) -> str:
        from hubtools.core.notebook import data_url, render_fragment

        return render_fragment("card", card=self.card, thumbnail=data_url(self.thumbnail.png))


def read(
    *sources: str | Path,
    cleaning: str = "voice",
    language: str | None = None,
    text_column: str | None = None,
    unlisted: bool = False,
    project: Project | None = None,
    report: Reporter | None = None,
) -> Posts:
    """The posts of `sources`: paths of archives, dumps or tables, or addresses of accounts.

    As `hubtools posts stats` reads them. Raises SourceError for what cannot be read, PolicyError
    for an account on the deny list, UsageError for the same posts twice.
    """
    from hubtools.services.read import ReadRequest, read

    named = tuple(map(str, sources))
    reading = ReadOptions(text_column=text_column, unlisted=unlisted)
    request = ReadRequest(
        project=_project(project),
        sources=named,
        options=reading,
        cleaning=cleaning,
        language=language,
    )
    found = read(request, report or Reporter(), CancelToken())
    return Posts(named, found.corpora, cleaning, language, reading)


def train(
    posts: Posts,
    *,
    base: str = DEFAULT_BASE,
    prompt: str = DEFAULT_PROMPT,
    recipe: str | None = None,
    seed: int = DEFAULT_SEED,
    name: str | None = None,
    out: str | Path | None = None,
    project: Project | None = None,
    report: Reporter | None = None,
) -> Model:
    """The model of `posts`, trained unless it is there already, and its card.

    As `hubtools publish` makes it, in `models/NAME` or `out`. After an interruption it goes on
    from there. Raises PolicyError for too few posts, ModelError for a base that cannot be used.
    """
    from hubtools.core.cancel import CancelToken
    from hubtools.services.train import TrainRequest
    from hubtools.services.train import train as train_model

    request = TrainRequest(
        project=_project(project),
        out=Path(out).absolute() if out is not None else None,
        sources=posts.sources,
        base=base,
        prompt=prompt,
        seed=seed,
        recipe=recipe,
        name=name,
        cleaning=posts.cleaning,
        language=posts.language,
        reading=posts.reading,
    )
    made = train_model(request, report or Reporter(), CancelToken())
    return Model(made.folder.path, made.card, made.card_file)


def load(name: str, *, project: Project | None = None) -> Card:
    """The card `cards/NAME.toml`. Raises CardError when there is none, or it has a mistake."""
    from hubtools.cards.card_file import load_card
    from hubtools.cards.selection import named_cards

    (file,) = named_cards(_project(project).cards_folder, [name])
    return load_card(file)


def save(card: Card, *, project: Project | None = None) -> Path:
    """Write `card` to its file in `cards/`, its comments kept; the file.

    Text for `card.prose` stands in `cards/NAME.md`, which is yours to write.
    """
    from hubtools.cards.card_file import save_card

    file = _project(project).cards_folder / f"{card.repo}.toml"
    save_card(card, file)
    return file


def plan(
    *what: Card | Model | str,
    to: str | None = None,
    namespace: str | None = None,
    project: Project | None = None,
    report: Reporter | None = None,
) -> Plan:
    """What would change on the Hub for these cards, or for all; nothing is changed.

    `to` and `namespace` are as the command line has them. Raises UsageError for a card that was
    changed and not saved, and what requests raise.
    """
    from hubtools.services.plan import PlanRequest
    from hubtools.services.plan import plan as make_plan

    here = _project(project)
    names = tuple(file.stem for file in _files(what, here)) if what else ()
    request = PlanRequest(project=here, names=names, to=to, namespace=namespace)
    return make_plan(request, report or Reporter(), CancelToken()).plan


def apply(
    plan: Plan,
    *,
    max_changes: str | int | None = None,
    project: Project | None = None,
    report: Reporter | None = None,
) -> ApplyResult:
    """Carry out `plan`, and nothing else; a Hub that changed since is left as it is.

    Raises ConflictError when cards or Hub are not what the plan was made from, or hold somebody
    else's edit; PolicyError above `max_changes`; PartlyDoneError when a rerun has more to do.
    """
    from hubtools.services.apply import ApplyRequest
    from hubtools.services.apply import apply as apply_request

    request = ApplyRequest(project=_project(project), plan=plan, max_changes=max_changes)
    with cancel_on_interrupt() as cancel:
        done = apply_request(request, report or Reporter(), cancel)
    done.raise_for_failure()
    return done


def _project(project: Project | None) -> Project:
    return project if project is not None else find_project()


def _files(what: Sequence[Card | Model | str], project: Project) -> list[Path]:
    """The files of these cards."""
    from hubtools.cards.selection import named_cards

    for one in what:
        if isinstance(one, Card):
            _check_saved(one, project)
    names = [one if isinstance(one, str) else _card(one).repo for one in what]
    return named_cards(project.cards_folder, names)


def _card(one: Card | Model) -> Card:
    return one.card if isinstance(one, Model) else one


def _check_saved(card: Card, project: Project) -> None:
    there = load(card.repo, project=project)
    if replace(there, prose=None) != replace(card, prose=None):
        raise UsageError(
            "the card is not what its file says",
            where=project.cards_folder / f"{card.repo}.toml",
            fix="Save it first: save(card)",
        )
