"""The manifest of a fleet: the models to train, in a TOML file with `[[models]]` or a CSV file.

::

    [defaults]                      # for every row that does not set them itself
    base = "scratch"

    [[models]]
    sources = ["harbourlog.zip", "mastodon:gull@sea.example"]
    name = "harbourlog"

A CSV file has the same names in its first line. Several sources share one cell, separated by `;`,
and an empty cell sets nothing. Paths are relative to the manifest's folder.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from msgspec import Meta

from hubtools.core.config import Project
from hubtools.core.errors import ConfigError, HubtoolsError, UsageError
from hubtools.core.repo_names import check_repo_name, repo_name
from hubtools.core.toml_tables import decode, read_toml
from hubtools.corpus.cleaning import find_cleaning
from hubtools.posts.options import ReadOptions
from hubtools.posts.registry import is_live, parse_address
from hubtools.services.train import TrainRequest
from hubtools.training.recipe import recipe_for

T = TypeVar("T")
# Thousands of rows share a few recipes.
_find_recipe = lru_cache(maxsize=64)(recipe_for)
_find_cleaning = lru_cache(maxsize=64)(find_cleaning)

_SEPARATOR = ";"
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOptions:
    """What a row may set for its model; None leaves it to the defaults."""

    base: str | None = None
    recipe: str | None = None
    seed: Annotated[int, Meta(ge=0, lt=2**32)] | None = None
    prompt: Annotated[str, Meta(min_length=1)] | None = None
    cleaning: str | None = None
    lang: str | None = None
    text_column: str | None = None
    unlisted: bool | None = None

    def with_defaults(self, defaults: RowOptions) -> Self:
        """The same with those of `defaults` for each option that is None."""
        unset = [field.name for field in fields(RowOptions) if getattr(self, field.name) is None]
        return replace(self, **{name: getattr(defaults, name) for name in unset})


DEFAULT_OPTIONS = RowOptions(
    base="openai-community/gpt2", seed=42, prompt="My dream is", cleaning="voice", unlisted=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ManifestRow(RowOptions):
    sources: str | tuple[str, ...]
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _ManifestFile:
    models: list[dict[str, Any]]
    defaults: RowOptions = RowOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetRow:
    name: str
    """The name of its repository, card and folder."""
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

    def select(self, rows: tuple[FleetRow, ...]) -> tuple[FleetRow, ...]:
        return rows[self.number - 1 :: self.count]


ALL_ROWS = Shard()


def parse_shard(text: str) -> Shard:
    """`2/8` as a Shard. Raises UsageError for anything else."""
    number, slash, count = text.partition("/")
    if slash and number.strip().isdecimal() and count.strip().isdecimal():
        shard = Shard(int(number), int(count))
        if 1 <= shard.number <= shard.count:
            return shard
    raise UsageError(
        f"{text!r} is not a shard", where="--shard", fix="Give I/N, such as 1/8 for the first of 8"
    )


def read_manifest(
    file: Path, project: Project, defaults: RowOptions = DEFAULT_OPTIONS
) -> tuple[FleetRow, ...]:
    """The rows of a manifest. A row's own option wins over `[defaults]`, and these over `defaults`.

    A row without a name is named after its sources. Raises ConfigError with file, row and field
    for a file that cannot be read, an option that is unknown or wrong, and a name used twice.
    """
    if not file.is_file():
        raise ConfigError("no such file", where=file, fix="Give a .toml or .csv file of models")
    read = {".toml": _read_toml, ".csv": _read_csv}.get(file.suffix.lower())
    if read is None:
        raise ConfigError(
            "not a manifest", where=file, fix="Give a file whose name ends in .toml or .csv"
        )
    defaults = defaults.with_defaults(DEFAULT_OPTIONS)
    rows: dict[str, FleetRow] = {}
    for model, where in read(file):
        row = _row(model.with_defaults(defaults), where, file.parent.absolute(), project)
        other = rows.setdefault(row.name.casefold(), row)
        if other is not row:
            raise ConfigError(
                f"{row.name!r} is also the name of {other.where}",
                where=f"{where}: name",
                fix="Give each row a different name",
            )
    if not rows:
        raise ConfigError("lists no models", where=file)
    return tuple(rows.values())


def _read_toml(file: Path) -> Iterator[tuple[_ManifestRow, str]]:
    document = decode(read_toml(file, ConfigError), _ManifestFile, file, ConfigError)
    for number, table in enumerate(document.models, 1):
        where = f"{file}: models[{number}]"
        model = decode(table, _ManifestRow, Path(where), ConfigError)
        yield model.with_defaults(document.defaults), where


def _read_csv(file: Path) -> Iterator[tuple[_ManifestRow, str]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, strict=True)
            if "sources" not in (reader.fieldnames or ()):
                raise ConfigError("the first line lacks a column 'sources'", where=file)
            for cells in reader:
                if any(cells.values()):
                    where = f"{file}:{reader.line_num}"
                    table = _table(cells, where)
                    yield decode(table, _ManifestRow, Path(where), ConfigError), where
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"not a CSV file in UTF-8: {error}", where=file) from error


def _table(cells: Mapping[str | None, Any], where: str) -> dict[str, Any]:
    """A line of a CSV file as the table of a TOML file."""
    if None in cells:
        raise ConfigError("has more cells than the first line", where=where)
    table: dict[str, Any] = {k: v.strip() for k, v in cells.items() if k and v and v.strip()}
    if "sources" in table:
        parts = (part.strip() for part in table["sources"].split(_SEPARATOR))
        table["sources"] = [part for part in parts if part]
    if table.get("seed", "").isdecimal():
        table["seed"] = int(table["seed"])
    unlisted = table.get("unlisted", "").casefold()
    if unlisted in _BOOLEANS:
        table["unlisted"] = _BOOLEANS[unlisted]
    return table


def _row(model: _ManifestRow, where: str, folder: Path, project: Project) -> FleetRow:
    base, recipe, cleaning = model.base, model.recipe, model.cleaning
    assert base is not None and cleaning is not None
    assert model.seed is not None and model.prompt is not None
    listed = (model.sources,) if isinstance(model.sources, str) else model.sources
    if not listed or not all(source.strip() for source in listed):
        raise ConfigError("lists no source", where=f"{where}: sources")
    if recipe is not None and recipe.endswith(".toml"):
        recipe = str(folder / recipe)
    if (folder / base).is_dir():
        base = str(folder / base)
    _check(where, "base or recipe", lambda: _find_recipe(base, recipe))
    _check(where, "cleaning or lang", lambda: _find_cleaning(cleaning, model.lang))
    sources = tuple(source if is_live(source) else str(folder / source) for source in listed)
    name = model.name or _check(where, "sources", lambda: repo_name(list(map(_handle, sources))))
    _check(where, "name", lambda: check_repo_name(name))
    reading = ReadOptions(text_column=model.text_column, unlisted=bool(model.unlisted))
    request = TrainRequest(
        project=project,
        sources=sources,
        base=base,
        prompt=model.prompt,
        seed=model.seed,
        recipe=recipe,
        name=name,
        cleaning=cleaning,
        language=model.lang,
        reading=reading,
    )
    return FleetRow(name=name, where=where, request=request)


def _check(where: str, field: str, check: Callable[[], T]) -> T:
    """The result of `check`; its error names the row and the field."""
    try:
        return check()
    except HubtoolsError as error:
        what = f"{error.what} ({error.where})" if error.where else error.what
        raise ConfigError(what, where=f"{where}: {field}", fix=error.fix) from error


def _handle(source: str) -> str:
    """The account of a source by its address or file name; no post is read for it."""
    if is_live(source):
        return parse_address(source).handle
    _, mark, handle = source.rpartition("#")
    return handle if mark and not Path(source).exists() else Path(source).stem
