"""The list of models that a fleet makes: a TOML file with `[[models]]`, or a CSV file.

::

    [defaults]                      # for all rows that do not say otherwise
    base = "scratch"

    [[models]]
    sources = ["harbourlog.zip", "mastodon:gull@sea.example"]
    name = "harbourlog"

A CSV file has the same names in its first line; several sources stand in one cell, with `;`
between them, and an empty cell says nothing. Paths start from the manifest's folder.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from hubtools.core.config import Project
from hubtools.core.errors import ConfigError, HubtoolsError, UsageError
from hubtools.core.repo_names import check_repo_name, repo_name
from hubtools.core.toml_tables import decode, read_toml
from hubtools.posts.options import ReadOptions
from hubtools.posts.registry import is_live, parse_address
from hubtools.services.train import TrainRequest

_BETWEEN = ";"
_YES = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a row may say of its model; None is what stands below it, in the end the default."""

    base: str | None = None
    recipe: str | None = None
    seed: Annotated[int, Meta(ge=0, lt=2**32)] | None = None
    prompt: Annotated[str, Meta(min_length=1)] | None = None
    cleaning: str | None = None
    lang: str | None = None
    text_column: str | None = None
    unlisted: bool | None = None

    def over(self, other: Options) -> Options:
        """These, and where they say nothing, `other`."""
        return Options(**{f.name: _first(self, other, f.name) for f in fields(Options)})


def _first(one: Options, other: Options, name: str) -> Any:
    said = getattr(one, name)
    return getattr(other, name) if said is None else said


DEFAULTS = Options(
    base="openai-community/gpt2", seed=42, prompt="My dream is", cleaning="voice", unlisted=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model(Options):
    sources: str | tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    models: list[dict[str, Any]]
    defaults: Options = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One model to make."""

    name: str
    """Of its repository, its card and its folder."""
    where: str
    """The file and the place in it, for people."""
    request: TrainRequest


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` of `count`, from 1: every `count`-th row."""

    number: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """The rows of this part."""
        return rows[self.number - 1 :: self.count]


WHOLE = Shard()


def parse_shard(said: str) -> Shard:
    """`2/8` as a Shard. Raises UsageError for what is none."""
    number, slash, count = said.partition("/")
    if slash and number.strip().isdecimal() and count.strip().isdecimal():
        shard = Shard(int(number), int(count))
        if 1 <= shard.number <= shard.count:
            return shard
    raise UsageError(f"--shard {said!r} is no part", fix="Give I/N, the first of eight is 1/8")


def read_manifest(file: Path, fallback: Options = DEFAULTS) -> tuple[Row, ...]:
    """The rows of a manifest. What neither a row nor `[defaults]` says is as `fallback` says.

    A row without a name is named after its sources. Raises ConfigError with file, row and field
    for what cannot be read, an option that is unknown or wrong, and a name that stands twice.
    """
    if not file.is_file():
        raise ConfigError("no such file", where=file, fix="Give a .toml or .csv file of models")
    read = {".toml": _toml, ".csv": _csv}.get(file.suffix.lower())
    if read is None:
        raise ConfigError("is neither .toml nor .csv", where=file)
    fallback = fallback.over(DEFAULTS)
    rows: dict[str, Row] = {}
    for model, where in read(file):
        row = _row(model, where, fallback, file.parent.absolute())
        other = rows.setdefault(row.name.casefold(), row)
        if other is not row:
            raise ConfigError(
                f"{row.name!r} is the model of {other.where} too",
                where=f"{where}: name",
                fix="Give each row a name of its own",
            )
    if not rows:
        raise ConfigError("lists no models", where=file)
    return tuple(rows.values())


def _toml(file: Path) -> Iterator[tuple[_Model, str]]:
    document = decode(read_toml(file, ConfigError), _File, file, ConfigError)
    for number, table in enumerate(document.models, 1):
        where = f"{file}: models[{number}]"
        yield _with(_decoded(table, where), document.defaults), where


def _with(model: _Model, defaults: Options) -> _Model:
    said = model.over(defaults)
    options = {f.name: getattr(said, f.name) for f in fields(Options)}
    return _Model(sources=model.sources, name=model.name, **options)


def _csv(file: Path) -> Iterator[tuple[_Model, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened, strict=True)
            if "sources" not in (reader.fieldnames or ()):
                raise ConfigError("its first line has no column 'sources'", where=file)
            for cells in reader:
                if any(cells.values()):
                    where = f"{file}:{reader.line_num}"
                    yield _decoded(_table(cells, where), where), where
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"not a CSV file in UTF-8: {error}", where=file) from error


def _table(cells: Mapping[str | None, Any], where: str) -> dict[str, Any]:
    """A line of a CSV file as the table of a TOML file."""
    if None in cells:
        raise ConfigError("has more cells than the first line", where=where)
    table: dict[str, Any] = {k: v.strip() for k, v in cells.items() if k and v and v.strip()}
    if "sources" in table:
        parts = (part.strip() for part in table["sources"].split(_BETWEEN))
        table["sources"] = [part for part in parts if part]
    if table.get("seed", "").isdecimal():
        table["seed"] = int(table["seed"])
    said = table.get("unlisted", "").casefold()
    if said in _YES:
        table["unlisted"] = _YES[said]
    return table


def _decoded(table: Mapping[str, Any], where: str) -> _Model:
    return decode(table, _Model, Path(where), ConfigError)


def _row(model: _Model, where: str, fallback: Options, folder: Path) -> Row:
    said = model.over(fallback)
    assert said.base is not None and said.seed is not None
    assert said.prompt is not None and said.cleaning is not None
    listed = (model.sources,) if isinstance(model.sources, str) else model.sources
    if not listed or not all(source.strip() for source in listed):
        raise ConfigError("names no source", where=f"{where}: sources")
    recipe = said.recipe
    if recipe is not None and recipe.endswith(".toml"):
        recipe = str(folder / recipe)
    base = said.base
    if (folder / base).is_dir():
        base = str(folder / base)
    _check(where, "base or recipe", lambda: _known_recipe(base, recipe))
    _check(where, "cleaning or lang", lambda: _known_cleaning(said.cleaning or "", said.lang))
    sources = tuple(source if is_live(source) else str(folder / source) for source in listed)
    name = model.name or _check(where, "sources", lambda: _named_after(sources))
    _check(where, "name", lambda: check_repo_name(name))
    return Row(
        name=name,
        where=where,
        request=TrainRequest(
            project=Project(folder),
            sources=sources,
            base=base,
            prompt=said.prompt,
            seed=said.seed,
            recipe=recipe,
            name=name,
            cleaning=said.cleaning,
            language=said.lang,
            reading=ReadOptions(text_column=said.text_column, unlisted=bool(said.unlisted)),
        ),
    )


def _check(where: str, field: str, ask: Any) -> Any:
    """What `ask` says; its error names the row and the field."""
    try:
        return ask()
    except HubtoolsError as error:
        what = f"{error.what} ({error.where})" if error.where else error.what
        raise ConfigError(what, where=f"{where}: {field}", fix=error.fix) from error


@lru_cache(maxsize=64)
def _known_recipe(base: str, recipe: str | None) -> None:
    from hubtools.training.recipe import recipe_for

    recipe_for(base, recipe)


@lru_cache(maxsize=64)
def _known_cleaning(name: str, language: str | None) -> None:
    from hubtools.corpus.cleaning import find_cleaning

    find_cleaning(name, language)


def _named_after(sources: tuple[str, ...]) -> str:
    """By addresses and file names alone: no posts are read to know what a row is called."""
    return repo_name([_handle(source) for source in sources])


def _handle(source: str) -> str:
    if is_live(source):
        return parse_address(source).handle
    _, mark, handle = source.rpartition("#")
    return handle if mark and not Path(source).exists() else Path(source).stem
