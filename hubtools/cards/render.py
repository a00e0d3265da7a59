"""From a Card to its README: one Jinja2 environment per process, front matter from data."""

from __future__ import annotations

import hashlib
import re
import traceback
from dataclasses import dataclass, field, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError

from hubtools.cards.card import Card
from hubtools.cards.environment import TEMPLATE, CardEnvironment
from hubtools.cards.frontmatter import dump_front_matter
from hubtools.cards.metadata import front_matter
from hubtools.cards.round_trip import embed
from hubtools.cards.terms import terms_of
from hubtools.core.config import ProjectConfig
from hubtools.core.errors import CardError

_MISTAKES = (
    TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError,
    RuntimeError, MemoryError,
)  # fmt: skip
_DIGEST = re.compile(r"<!-- hubtools sha256:([0-9a-f]{64}) -->\s*\Z")
_DIGEST_LINE = re.compile(r"^<!-- hubtools sha256:[0-9a-f]{64} -->[ \t]*\n?", re.MULTILINE)


@dataclass(frozen=True)
class CardRenderer:
    """Renders cards of one namespace, with a user's templates before the packaged ones."""

    namespace: str
    files_url: str | None = None
    """Where the Hub serves files, such as https://huggingface.co; None without an address."""
    project: ProjectConfig = field(default_factory=ProjectConfig)
    templates: Path | None = None
    """A folder whose `card.md.j2` extends `hubtools/card.md.j2`."""

    def render(self, card: Card) -> str:
        """The README of `card`: front matter, body, the card's data, and a digest of all of it.

        The data is in a comment, from which `import_readme` restores the card; the digest is the
        last line. Raises CardError with template, line and card when a template cannot be rendered
        or does not terminate.
        """
        repo_id = f"{self.namespace}/{card.repo}"
        thumbnail = f"{self.files_url}/{repo_id}/resolve/main/predictions.png"
        own = thumbnail if self.files_url and card.training else None
        if card.body == "own" and card.state != "retired":
            body = (card.prose or "").strip("\n")
        else:
            body = self._body(card, repo_id)
        data = front_matter(card, own)
        head = (
            dump_front_matter(data, card.comments)
            if data or card.comments or body.startswith("---")
            else ""
        )
        parts = (head.rstrip(), body, embed(card, body))
        return sealed("\n\n".join(part for part in parts if part) + "\n")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its fields; a worker process compiles the templates once for all its cards."""
        return _unpickled, tuple(getattr(self, f.name) for f in fields(self))

    def prepare(self) -> None:
        """Compile the template now; raises CardError for one that cannot be compiled."""
        assert self._template

    def _body(self, card: Card, repo_id: str) -> str:
        context = {"card": card, "repo_id": repo_id, "project": self.project}
        template = self._template
        self._environment.restart()
        try:
            text: str = template.render(context, terms=terms_of(card))
        except CardError as error:
            raise CardError(
                f"{error.what} (card {card.repo!r})", where=error.where, fix=error.fix
            ) from error
        except _MISTAKES as error:
            raise _located(error, card) from error
        return text.strip()

    @cached_property
    def _environment(self) -> CardEnvironment:
        return CardEnvironment(self.templates)

    @cached_property
    def _template(self) -> Any:
        try:
            return self._environment.get_template(TEMPLATE)
        except TemplateSyntaxError as error:
            where = f"{error.filename or error.name}:{error.lineno}"
            raise CardError(str(error.message), where=where) from error
        except TemplateNotFound as error:
            raise CardError(f"no template {error.name!r}", where=self.templates) from error
        except (UnicodeDecodeError, OSError) as error:
            raise CardError(f"cannot be read: {error}", where=self.templates) from error


@lru_cache(maxsize=1)
def _unpickled(*values: Any) -> CardRenderer:
    return CardRenderer(*values)


def sealed(text: str) -> str:
    """`text` with its SHA-256 on a last line, by which we recognize our own work."""
    return f"{text}\n<!-- hubtools sha256:{_digest(text)} -->\n"


def is_sealed(text: str) -> bool:
    """Whether `text` ends with the digest of everything above it: ours, and not edited."""
    plain = text.replace("\r\n", "\n")
    match = _DIGEST.search(plain)
    return match is not None and _digest(plain[: match.start()].rstrip("\n") + "\n") == match[1]


def unsealed(text: str) -> str:
    """`text` without its digest line, if any; a person may have added text below it."""
    found = list(_DIGEST_LINE.finditer(text))
    return text[: found[-1].start()] + text[found[-1].end() :] if found else text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _located(error: Exception, card: Card) -> CardError:
    """The error with the template's line, which Jinja2 puts into the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if not f.filename.endswith(".py")), None)
    where = f"{place.filename}:{place.lineno}" if place else TEMPLATE
    what = "endless recursion" if isinstance(error, RecursionError) else str(error)
    return CardError(f"{what} (card {card.repo!r})", where=where)
