"""From a Card to its README: one Jinja2 environment a process, front matter dumped from data."""

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
    """Renders cards of one namespace with the packaged templates or a user's in front of them."""

    namespace: str
    files_url: str | None = None
    """Where a Hub serves files, such as https://huggingface.co; None where it has no address."""
    project: ProjectConfig = field(default_factory=ProjectConfig)
    templates: Path | None = None
    """A folder whose `card.md.j2` extends `hubtools/card.md.j2`."""

    def render(self, card: Card) -> str:
        """The README of `card`: front matter, body, and a last line that holds their digest.

        Above that line a comment holds the card's data, from which `import_readme` reads it back.
        A card whose body is a person's own is that body below its front matter. Raises CardError
        with template, line and card when a template cannot be rendered or does not come to an end.
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
        """Compile the template now; raises CardError as `render` would for every card."""
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
    """`text` with a last line that holds its SHA-256, by which our own work is known again."""
    return f"{text}\n<!-- hubtools sha256:{_digest(text)} -->\n"


def is_sealed(text: str) -> bool:
    """Whether `text` ends with the digest of all that stands above it: ours, and not edited."""
    plain = text.replace("\r\n", "\n")
    match = _DIGEST.search(plain)
    return match is not None and _digest(plain[: match.start()].rstrip("\n") + "\n") == match[1]


def unsealed(text: str) -> str:
    """`text` without the line of its digest, where it has one; text may have been put below it."""
    found = list(_DIGEST_LINE.finditer(text))
    return text[: found[-1].start()] + text[found[-1].end() :] if found else text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _located(error: Exception, card: Card) -> CardError:
    """The error with the template's line, which Jinja2 writes into the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if not f.filename.endswith(".py")), None)
    where = f"{place.filename}:{place.lineno}" if place else TEMPLATE
    what = "calls itself without end" if isinstance(error, RecursionError) else str(error)
    return CardError(f"{what} (card {card.repo!r})", where=where)
