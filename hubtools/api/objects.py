"""The objects of the Python API: posts that were read, and models."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from hubtools.cards.card import Card
from hubtools.core.cancel import CancelToken
from hubtools.core.defaults import DEFAULT_PROMPT
from hubtools.core.events import Reporter
from hubtools.core.html_templates import data_url, render_html
from hubtools.core.results import PostCounts
from hubtools.corpus.corpus import Corpus
from hubtools.pictures.types import Picture
from hubtools.services.predict import LoadedModel, PredictRequest, load_model, predict
from hubtools.services.read import ReadRequest


@dataclass(frozen=True)
class Posts:
    """The posts of one account or several, cleaned as training uses them."""

    corpora: tuple[Corpus, ...]
    request: ReadRequest = field(repr=False)
    """How they were read."""

    @property
    def texts(self) -> list[str]:
        """Every text that is kept, account after account."""
        return [post.text for corpus in self.corpora for post in corpus.kept]

    @property
    def counts(self) -> list[PostCounts]:
        """How many posts were downloaded, dropped and kept, for each account."""
        return [corpus.counts for corpus in self.corpora]

    def _repr_html_(self) -> str:
        reasons = sorted({reason for corpus in self.corpora for reason in corpus.reasons})
        return render_html("notebook", "posts", corpora=self.corpora, reasons=reasons)


@dataclass(frozen=True)
class Model:
    """A model in a folder or repository, with its card where hubtools made one."""

    place: str
    """Its folder, or its id on huggingface.co."""
    card: Card | None = None
    card_file: Path | None = None
    repo_id: str | None = None
    """Where it was published."""
    url: str | None = None
    """The page of that repository."""

    @classmethod
    def open(cls, model: str | Path, *, to: str | None = None) -> Model:
        """Open a model in a folder or in a repository on the Hub `to` (None: huggingface.co).

        Raises ModelError when it is not a usable model, AccessError and HubUnavailableError when
        the Hub does not hand it over.
        """
        loaded = load_model(str(model), to)
        opened = cls(loaded.place, repo_id=None if Path(model).is_dir() else str(model))
        opened.__dict__["_loaded"] = loaded  # where the cached property keeps its value
        return opened

    @property
    def folder(self) -> Path:
        """Its folder."""
        return Path(self.place)

    @property
    def thumbnail(self) -> Picture:
        """The picture at the top of its card."""
        return self._picture("predictions.png")

    @property
    def pipeline(self) -> Picture:
        """The picture of how it was made."""
        return self._picture("pipeline.png")

    def predict(
        self,
        prompt: str | None = None,
        *,
        n: int = 10,
        temperature: float = 1.0,
        top_p: float = 0.95,
        max_tokens: int = 160,
        seed: int | None = None,
    ) -> list[str]:
        """Generate `n` posts that begin with `prompt` (None: the card's); same seed, same posts.

        Tokens are sampled from the most likely ones whose probabilities add up to `top_p`, after
        division of the logits by `temperature`. A post has at most `max_tokens` tokens, those of
        the prompt included. Raises UsageError for a prompt that leaves no room.
        """
        if prompt is None:
            prompt = (self.card and self.card.prompt) or DEFAULT_PROMPT
        request = PredictRequest(
            model=self.place,
            prompt=prompt,
            n=n,
            temperature=temperature,
            top_p=top_p,
            max_tokens=max_tokens,
            seed=seed,
        )
        return list(predict(request, Reporter(), CancelToken(), self._loaded).predictions)

    @cached_property
    def _loaded(self) -> LoadedModel:
        return load_model(self.place)

    def _picture(self, name: str) -> Picture:
        return Picture((self.folder / name).read_bytes(), (), ())

    def _repr_html_(self) -> str:
        if self.card is None:
            return render_html("notebook", "card", card=Card(repo=self.place), thumbnail=None)
        return render_html(
            "notebook", "card", card=self.card, thumbnail=data_url(self.thumbnail.png)
        )
