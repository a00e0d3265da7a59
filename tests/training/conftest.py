"""Tiny models and a few posts, made here: nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubtools.training.recipe import Recipe, Scratch, load_recipe
from tests.training.makers import save_tiny_gpt2

TINY = Scratch(vocabulary=320, context=64, layers=2, width=32, heads=2)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The packaged recipe for a model from scratch, at a size that trains in a second."""
    return replace(load_recipe("scratch"), passes=2, tokens_per_step=256, scratch=TINY)


@pytest.fixture(scope="session")
def tiny_gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random GPT-2 of two layers and a tokenizer as GPT-2 has it."""
    folder = tmp_path_factory.mktemp("base") / "tiny-gpt2"
    save_tiny_gpt2(folder)
    return folder
