"""What a manifest sets, and where its mistakes are reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubtools.core.config import Project
from hubtools.core.errors import ConfigError, UsageError
from hubtools.fleet.manifest import FleetRow, RowOptions, Shard, parse_shard, read_manifest
from hubtools.posts.options import ReadOptions

TOML = """
[defaults]
base = "scratch"
seed = 7

[[models]]
sources = ["a.zip", "mastodon:gull@sea.example"]
name = "two"
lang = "en"

[[models]]
sources = "b.csv"
seed = 8
prompt = "Ahoy; "
text_column = "words"
unlisted = true
"""
CSV = """sources,name,base,seed,lang,prompt,text_column,unlisted
a.zip; mastodon:gull@sea.example,two,scratch,7,en,,,
b.csv,,scratch,8,,"Ahoy; ",words,yes
"""


def write(folder: Path, text: str, name: str = "fleet.toml") -> Path:
    (folder / name).write_text(text)
    return folder / name


def read(file: Path, defaults: RowOptions | None = None) -> tuple[FleetRow, ...]:
    return read_manifest(file, Project(file.parent), defaults or RowOptions())


def test_both_formats_say_the_same(folder: Path) -> None:
    rows = read(write(folder, TOML))
    others = read(write(folder, CSV, "fleet.csv"))
    assert [row.request.sources for row in rows] == [row.request.sources for row in others]
    assert [row.name for row in rows] == [row.name for row in others] == ["two", "b"]
    for row, other in zip(rows, others, strict=True):
        assert row.request.seed == other.request.seed
        assert row.request.language == other.request.language
        assert row.request.reading == other.request.reading
    assert rows[0].request.sources == (str(folder / "a.zip"), "mastodon:gull@sea.example")
    assert rows[1].request.reading == ReadOptions(text_column="words", unlisted=True)
    assert (rows[0].request.seed, rows[1].request.seed) == (7, 8)
    assert (rows[0].where, others[1].where) == (
        f"{folder / 'fleet.toml'}: models[1]",
        f"{folder / 'fleet.csv'}:3",
    )


def test_a_row_goes_before_defaults_and_these_before_options(folder: Path) -> None:
    defaults = RowOptions(seed=1, prompt="I think", base="./other")
    first, second = read(write(folder, TOML), defaults)
    assert (first.request.seed, second.request.seed) == (7, 8)
    assert (first.request.prompt, second.request.prompt) == ("I think", "Ahoy; ")
    assert first.request.base == "scratch"
    assert first.request.cleaning == "voice"


def test_names_come_from_handles_and_files(folder: Path) -> None:
    text = "sources\nbluesky:Tern.bsky.social\nlogs.zip#Gull\nmastodon:a@b.example;z.txt\n"
    names = [row.name for row in read(write(folder, text, "f.csv"))]
    assert names == ["tern.bsky.social", "gull", "a-b.example-z"]


MISTAKES = [
    ('[[models]]\nsource = "a"', "models[1]", True),
    ('[[models]]\nname = "a"', "models[1]", False),
    ("[[models]]\nsources = []", "models[1]: sources", False),
    ('[[models]]\nsources = "a"\nseed = "x"', "models[1]: seed", False),
    ('[[models]]\nsources = "a"\nseed = -1', "models[1]: seed", False),
    ('[[models]]\nsources = "a"\nname = "a b"', "models[1]: name", True),
    ('[[models]]\nsources = "a"\nrecipe = "no"', "models[1]: base or recipe", True),
    ('[[models]]\nsources = "a"\ncleaning = "no"', "models[1]: cleaning or lang", True),
    ('[[models]]\nsources = "a"\nlang = "Klingonish"', "models[1]: cleaning or lang", True),
    ('[[models]]\nsources = "bluesky:x"', "models[1]: sources", True),
    ('[[models]]\nsources = "x/a"\n[[models]]\nsources = "y/A"', "models[2]: name", True),
    ("models = []", "", False),
    ("models = 3", ": models", False),
    ("[defaults]\nsseed = 3\n[[models]]", "", True),
    ("[[models]", "", False),
]


@pytest.mark.parametrize(("text", "place", "has_fix"), MISTAKES)
def test_a_mistake_names_file_row_and_field(
    text: str, place: str, has_fix: bool, folder: Path
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(write(folder, text))
    where = str(caught.value.where)
    assert "fleet.toml" in where
    assert place in where
    assert not has_fix or caught.value.fix is not None


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("name\na", "f.csv"),
        ("sources,name\na,b,c", "f.csv:2"),
        ("sources,seed\na,seven", "f.csv:2: seed"),
        ("sources,unlisted\na,maybe", "f.csv:2: unlisted"),
        ("sources\n;", "f.csv:2: sources"),
        ('sources\n"a', "f.csv"),
        ("sources\n\n", "f.csv"),
    ],
)
def test_a_mistake_in_a_csv(text: str, where: str, folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(write(folder, text, "f.csv"))
    assert caught.value.where == str(folder / where)


def test_no_manifest(folder: Path) -> None:
    for file in (folder / "gone.toml", write(folder, TOML, "fleet.txt")):
        with pytest.raises(ConfigError) as caught:
            read(file)
        assert caught.value.where == str(file) and caught.value.fix is not None


def test_shards_are_disjoint_and_whole(folder: Path) -> None:
    text = "sources\n" + "".join(f"a{number}.zip\n" for number in range(11))
    rows = read(write(folder, text, "f.csv"))
    parts = [Shard(number, 4).select(rows) for number in (1, 2, 3, 4)]
    assert sorted(row.name for part in parts for row in part) == sorted(row.name for row in rows)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "1/0", "/", "-1/2"])
def test_a_text_that_is_not_a_shard(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_shard(text)
    assert caught.value.where == "--shard" and caught.value.fix is not None
