"""The accounts that training is measured on: real ones with 500 posts or more, and the example."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubtools.corpus.corpus import KeptPost, build_corpus
from hubtools.corpus.split import Split, split_posts
from hubtools.posts.registry import read_source
from hubtools.training.recipe import Recipe

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
REAL = (
    "csv/BarackObama_538.csv",
    "csv/realDonaldTrump_538.csv",
    "x_api/dog_rates_full_v11.jsonl",
)
LEAST = 500


@dataclass(frozen=True, slots=True)
class Measured:
    """An account's posts, split as a run splits them."""

    name: str
    train: tuple[KeptPost, ...]
    test: tuple[str, ...]

    def split(self, recipe: Recipe) -> Split:
        """What the recipe trains and validates on."""
        stopping = recipe.early_stopping
        val_fraction = stopping.val_fraction if stopping else 0.0
        return split_posts(self.train, val_fraction=val_fraction, test_fraction=0.0)


def accounts(data: Path = DATA) -> list[Measured]:
    """The example and whatever of the real accounts is at hand, each with `LEAST` posts kept."""
    files = [ROOT / "examples" / "harbourlog.zip", *(data / name for name in REAL)]
    found = []
    for file in files:
        if file.is_file():
            corpus = build_corpus(read_source(str(file)))
            split = split_posts(corpus.kept)
            test = tuple(post.text for post in split.test)
            found.append(Measured(corpus.account.handle or file.stem, split.train, test))
    return [account for account in found if len(account.train) >= LEAST]
