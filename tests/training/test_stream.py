"""Predictions that are heard while they are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubtools.errors import UsageError
from hubtools.training.base import load_base
from hubtools.training.predict import Sampling, predict
from hubtools.training.stream import stream_prediction


def test_it_grows_into_what_predict_makes(tiny_gpt2: Path) -> None:
    base, heard = load_base(str(tiny_gpt2)), list[str]()
    text = stream_prediction(base, "Today the heron", 3, Sampling(), heard.append)
    assert [text] == predict(base, "Today the heron", 1, 3, Sampling())
    assert heard[0].startswith("Today the heron") and heard[-1] == text.removesuffix("\ufffd")
    assert [len(h) for h in heard] == sorted(len(h) for h in heard)


def test_who_hears_can_end_it(tiny_gpt2: Path) -> None:
    class EnoughError(Exception):
        pass

    heard = list[str]()

    def listen(text: str) -> None:
        heard.append(text)
        if len(heard) == 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        stream_prediction(load_base(str(tiny_gpt2)), "Today", 3, Sampling(), listen)
    assert len(heard) == 2


def test_a_prompt_that_leaves_no_room_is_refused(tiny_gpt2: Path) -> None:
    with pytest.raises(UsageError, match="tokens long"):
        stream_prediction(load_base(str(tiny_gpt2)), "qz" * 200, 3, Sampling(), print)
