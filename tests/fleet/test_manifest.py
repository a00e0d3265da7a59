"""What a manifest says, and how its mistakes are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubtools.core.errors import ConfigError, UsageError
from hubtools.fleet.manifest import Options, Shard, parse_shard, read_manifest
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


def test_both_formats_say_the_same(folder: Path) -> None:
    rows = read_manifest(write(folder, TOML))
    others = read_manifest(write(folder, CSV, "fleet.csv"))
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
    fallback = Options(seed=1, prompt="I think", base="./other")
    first, second = read_manifest(write(folder, TOML), fallback)
    assert (first.request.seed, second.request.seed) == (7, 8)
    assert (first.request.prompt, second.request.prompt) == ("I think", "Ahoy; ")
    assert first.request.base == "scratch"
    assert first.request.cleaning == "voice"


def test_names_come_from_handles_and_files(folder: Path) -> None:
    text = "sources\nbluesky:Tern.bsky.social\nlogs.zip#Gull\nmastodon:a@b.example;z.txt\n"
    names = [row.name for row in read_manifest(write(folder, text, "f.csv"))]
    assert names == ["tern.bsky.social", "gull", "a-b.example-z"]


MISTAKES = [
    ('[[models]]\nsource = "a"', r"models\[1\].*unknown key 'source'.*Did you mean 'sources'"),
    ('[[models]]\nname = "a"', r"models\[1\].*sources"),
    ("[[models]]\nsources = []", r"models\[1\]: sources: names no source"),
    ('[[models]]\nsources = "a"\nseed = "x"', r"models\[1\]: seed: Expected int"),
    ('[[models]]\nsources = "a"\nseed = -1', r"models\[1\]: seed"),
    ('[[models]]\nsources = "a"\nname = "a b"', r"models\[1\]: name: 'a b' is no name"),
    ('[[models]]\nsources = "a"\nrecipe = "no"', r"models\[1\]: base or recipe: no recipe 'no'"),
    ('[[models]]\nsources = "a"\ncleaning = "no"', r"models\[1\]: cleaning or lang: unknown"),
    ('[[models]]\nsources = "a"\nlang = "Klingonish"', r"models\[1\]: cleaning or lang"),
    ('[[models]]\nsources = "bluesky:x"', r"models\[1\]: sources: is not a valid address"),
    (
        '[[models]]\nsources = "x/a"\n[[models]]\nsources = "y/A"',
        r"models\[2\]: name: 'a' is the model of .*models\[1\] too",
    ),
    ("models = []", "lists no models"),
    ("models = 3", "Expected array"),
    ("[defaults]\nsseed = 3\n[[models]]", r"unknown key 'defaults.sseed'.*Did you mean 'seed'"),
    ("[[models]", "not valid TOML"),
]


@pytest.mark.parametrize(("text", "says"), MISTAKES)
def test_a_mistake_names_row_field_and_fix(text: str, says: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        read_manifest(write(folder, text))
    assert "fleet.toml" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name\na", "no column 'sources'"),
        ("sources,name\na,b,c", r"f.csv:2: has more cells"),
        ("sources,seed\na,seven", r"f.csv:2: seed: Expected"),
        ("sources,unlisted\na,maybe", r"f.csv:2: unlisted: Expected"),
        ("sources\n;", r"f.csv:2: sources: names no source"),
        ('sources\n"a', "not a CSV file"),
        ("sources\n\n", "lists no models"),
    ],
)
def test_a_mistake_in_a_csv(text: str, says: str, folder: Path) -> None:
    with pytest.raises(ConfigError, match=says):
        read_manifest(write(folder, text, "f.csv"))


def test_no_manifest(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        read_manifest(folder / "gone.toml")
    with pytest.raises(ConfigError, match=r"neither .toml nor .csv"):
        read_manifest(write(folder, TOML, "fleet.txt"))


def test_shards_are_disjoint_and_whole(folder: Path) -> None:
    text = "sources\n" + "".join(f"a{number}.zip\n" for number in range(11))
    rows = read_manifest(write(folder, text, "f.csv"))
    parts = [Shard(number, 4).of(rows) for number in (1, 2, 3, 4)]
    assert sorted(row.name for part in parts for row in part) == sorted(row.name for row in rows)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("said", ["0/2", "3/2", "1", "a/b", "1/0", "/", "-1/2"])
def test_a_shard_that_is_none(said: str) -> None:
    with pytest.raises(UsageError, match="is no part"):
        parse_shard(said)
