"""From a Card to its README: one Jinja2 environment a process, front matter dumped from data."""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from hubtools.cards import escape
from hubtools.cards.frontmatter import dump_front_matter
from hubtools.cards.metadata import front_matter
from hubtools.cards.model import (
    Card,
    CardAccount,
    Evaluation,
    PostCounts,
    Prediction,
    Run,
    Training,
)
from hubtools.cards.words import Words, label, people, profile_url, words_of
from hubtools.config import ProjectConfig
from hubtools.errors import CardError
from hubtools.templating import template_root

_DIGEST = re.compile(r"<!-- hubtools sha256:([0-9a-f]{64}) -->\s*\Z")


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

        Raises CardError with template and line when a template cannot be rendered.
        """
        repo_id = f"{self.namespace}/{card.repo}"
        thumbnail = f"{self.files_url}/{repo_id}/resolve/main/predictions.png"
        own = thumbnail if self.files_url and card.training else None
        context = {"card": card, "repo_id": repo_id, "project": self.project}
        try:
            body = self._template.render(context, words=words_of(card))
        except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
            raise _located(error, card) from error
        return sealed(dump_front_matter(front_matter(card, own)) + "\n" + body.strip() + "\n")

    def prepare(self) -> None:
        """Compile the template now; raises CardError as `render` would for every card."""
        assert self._template

    @cached_property
    def _template(self) -> Any:
        try:
            return _environment(self.templates).get_template("card.md.j2")
        except TemplateSyntaxError as error:
            where = f"{error.filename or error.name}:{error.lineno}"
            raise CardError(str(error.message), where=where) from error
        except TemplateNotFound as error:
            raise CardError(f"no template {error.name!r}", where=self.templates) from error


def sealed(text: str) -> str:
    """`text` with a last line that holds its SHA-256, by which our own work is known again."""
    return f"{text}\n<!-- hubtools sha256:{_digest(text)} -->\n"


def is_sealed(text: str) -> bool:
    """Whether `text` ends with the digest of all that stands above it: ours, and not edited."""
    plain = text.replace("\r\n", "\n")
    match = _DIGEST.search(plain)
    return match is not None and _digest(plain[: match.start()].rstrip("\n") + "\n") == match[1]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class _Environment(ImmutableSandboxedEnvironment):
    """Reads the fields of our own dataclasses without asking for each whether that is safe."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if attribute in _FIELDS.get(type(obj), ()):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)


_FIELDS = {
    kind: frozenset(f.name for f in fields(kind))
    for kind in (
        *(Card, CardAccount, PostCounts, Run, Training, Evaluation, Prediction),
        *(ProjectConfig, Words),
    )
}


def _environment(templates: Path | None) -> ImmutableSandboxedEnvironment:
    packaged = FileSystemLoader(template_root())
    loaders: list[BaseLoader] = [packaged, PrefixLoader({"hubtools": packaged})]
    if templates is not None and templates.is_dir():
        loaders.insert(0, FileSystemLoader(templates))
    environment = _Environment(
        loader=ChoiceLoader(loaders),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(_FILTERS)
    return environment


def _finalize(value: Any) -> Any:
    """What no filter has escaped for its place is text in Markdown."""
    return value if isinstance(value, Markup) else escape.markdown(value)


def _percent(share: float) -> Markup:
    return Markup(f"{100 * share:.1f} %")


_FILTERS: Mapping[str, Any] = {
    "attribute": escape.attribute,
    "code": escape.code,
    "label": label,
    "link": escape.link,
    "link_path": escape.link_path,
    "people": people,
    "picture": escape.picture,
    "profile": profile_url,
    "percent": _percent,
    "python_string": escape.python_string,
}


def _located(error: Exception, card: Card) -> CardError:
    """The error with the template's line, which Jinja2 writes into the traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if f.filename.endswith(".j2")), None)
    where = f"{place.filename}:{place.lineno}" if place else "card.md.j2"
    return CardError(f"{error} (card {card.repo!r})", where=where)
