"""The Jinja2 environment of card templates: strict, sandboxed, and bounded."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    nodes,
)
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from hubtools.cards import escape
from hubtools.cards.card import Card, CardAccount, RunLink
from hubtools.cards.terms import NetworkTerms, handles, label, people, profile_url
from hubtools.core.config import ProjectConfig
from hubtools.core.errors import CardError
from hubtools.core.results import Evaluation, PostCounts, Prediction, Training
from hubtools.core.template_root import template_root

TEMPLATE = "card.md.j2"
PACKAGED = "hubtools"
MAX_STEPS = 200_000
"""Loop turns and calls in one card: a thousand times what the largest card needs."""
_MAX_TEXT = 1 << 20
_COUNTED = "_counted"


class TooManyStepsError(RuntimeError):
    """A template that does not terminate."""

    def __init__(self) -> None:
        super().__init__(f"not finished after {MAX_STEPS:,} loop turns and calls")


class _StepBudget(threading.local):
    left = MAX_STEPS

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooManyStepsError


class CardEnvironment(ImmutableSandboxedEnvironment):
    """Counts every loop turn and every call, so that every template ends.

    A template can repeat itself with loops, macros, and recursive blocks and includes. The first
    two are counted; the last ends in a RecursionError.
    """

    intercepted_binops = frozenset({"*", "**"})

    def __init__(self, templates: Path | None) -> None:
        packaged = FileSystemLoader(template_root())
        loaders: list[BaseLoader] = [packaged, PrefixLoader({PACKAGED: packaged})]
        if templates is not None and templates.is_dir():
            loaders.insert(0, FileSystemLoader(templates))
        super().__init__(
            loader=ChoiceLoader(loaders),
            undefined=StrictUndefined,
            autoescape=True,
            finalize=_finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._steps = _StepBudget()
        self.filters.update(_FILTERS)
        self.filters[_COUNTED] = self._counted

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Read fields of our own dataclasses without the sandbox's check, which is slow."""
        if attribute in _FIELDS.get(type(obj), ()):
            return getattr(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """The same for subscripts and for filters that take a field's name."""
        if isinstance(argument, str) and argument in _FIELDS.get(type(obj), ()):
            return getattr(obj, argument)
        return super().getitem(obj, argument)

    def restart(self) -> None:
        self._steps.left = MAX_STEPS

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        self._steps.take()
        return super().call(context, obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Limit products of texts and powers, which grow without a loop."""
        self._steps.take()
        if operator == "**" and abs(right) > 64:
            raise OverflowError("exponents above 64 are not allowed")
        if operator == "*" and max(_size(left, right), _size(right, left)) > _MAX_TEXT:
            raise OverflowError(f"a text of more than {_MAX_TEXT:,} characters")
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for loop in list(tree.find_all(nodes.For)):
            line = loop.lineno
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=line)
        _check_blocks(self, tree, filename or name or TEMPLATE)
        return tree

    def _counted(self, items: Iterable[Any]) -> Iterable[Any]:
        return _Counting(items, self._steps.take)


class _Counting:
    def __init__(self, items: Iterable[Any], take: Callable[[], None]) -> None:
        self._items, self._take = items, take

    def __len__(self) -> int:
        return len(self._items)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        for item in self._items:
            self._take()
            yield item


def _size(text: Any, times: Any) -> int:
    known = isinstance(text, str | list | tuple) and isinstance(times, int)
    return len(text) * times if known else 0


def _check_blocks(environment: CardEnvironment, tree: nodes.Template, file: str) -> None:
    """Raise CardError for a block that the extended packaged template does not have."""
    extended = (node for node in tree.body if isinstance(node, nodes.Extends))
    parents = [p.template.value for p in extended if isinstance(p.template, nodes.Const)]
    if not any(str(parent).startswith(f"{PACKAGED}/") for parent in parents):
        return
    known = environment.get_template(str(parents[0])).blocks
    for block in tree.body:
        if isinstance(block, nodes.Block) and block.name not in known:
            near = get_close_matches(block.name, known, n=1, cutoff=0.5)
            fix = f"Did you mean '{near[0]}'?" if near else f"Blocks: {', '.join(sorted(known))}"
            what = f"block '{block.name}' replaces nothing: {parents[0]} has no such block"
            raise CardError(what, where=f"{file}:{block.lineno}", fix=fix)


def _finalize(value: Any) -> Any:
    return value if isinstance(value, Markup) else escape.markdown(value)


def _fixed(number: float | None, digits: int = 3) -> Markup:
    return Markup("–" if number is None else f"{number:.{digits}f}")


def _counts(card: Card, key: str) -> Markup:
    cells = [getattr(a.posts, key) if a.posts else "–" for a in card.accounts]
    return Markup("".join(f"{cell} | " for cell in cells).rstrip())


_FIELDS = {
    kind: frozenset(f.name for f in fields(kind))
    for kind in (
        *(Card, CardAccount, PostCounts, RunLink, Training, Evaluation, Prediction),
        *(ProjectConfig, NetworkTerms),
    )
}
_FILTERS: Mapping[str, Any] = {
    "attribute": escape.attribute,
    "code": escape.code,
    "contact": escape.contact,
    "handles": handles,
    "isolated": escape.isolated,
    "label": label,
    "link": escape.link,
    "link_path": escape.link_path,
    "people": people,
    "picture": escape.picture,
    "profile": profile_url,
    "counts": _counts,
    "exp": lambda value: math.exp(value) if value < 700 else math.inf,
    "fixed": _fixed,
    "percent": lambda share: Markup(f"{100 * share:.1f}%"),
    "thousands": lambda number: Markup(f"{number:,}"),
    "python_string": escape.python_string,
}
