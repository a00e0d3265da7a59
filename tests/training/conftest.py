"""Tiny models and a few posts, made here: nothing is downloaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hubtools.training.recipe import Recipe, Scratch, load_recipe

TINY = Scratch(vocab_size=320, context_length=64, n_layer=2, n_embd=32, n_head=2)


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """The packaged recipe for a model from scratch, at a size that trains in a second."""
    return replace(
        load_recipe("scratch"), epochs=2, tokens_per_step=256, scratch=TINY, early_stopping=None
    )
