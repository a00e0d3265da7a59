"""Made-up cards to try a user's templates on; together they use every field."""

from __future__ import annotations

from dataclasses import replace

from hubtools.cards.card import Card, CardAccount, RunLink
from hubtools.core.results import Evaluation, PostCounts, Prediction, Training

_COUNTS = PostCounts(downloaded=3250, reposts=148, dropped=507, kept=2595)
_ACCOUNT = CardAccount(
    handle="quayside",
    name="Quayside | <b>News</b> & *more*",
    network="x",
    avatar="avatar-1.png",
    posts=_COUNTS,
)
_EVALUATION = Evaluation(
    posts=130,
    test_loss=3.1,
    perplexity=22.2,
    bits_per_byte=1.2,
    base_loss=3.6,
    base_bits_per_byte=1.4,
    predictions=100,
    memorized_fraction=0.02,
    memorized_baseline=0.1,
)


def sample_cards() -> tuple[Card, ...]:
    """A full card, one of three accounts, a sparse one, and a retired one."""
    full = Card(
        repo="sample-quayside",
        language="en",
        base_model="openai-community/gpt2",
        prompt="My dream is",
        tags=("hubtools",),
        accounts=(_ACCOUNT,),
        runs=(
            RunLink(kind="dataset", url="https://example.org/data"),
            RunLink(kind="training", url="https://example.org/run"),
            RunLink(kind="report", url="https://example.org/report"),
        ),
        training=Training(
            recipe="default",
            seed=42,
            posts=2465,
            tokens=81920,
            epochs=4,
            steps=320,
            learning_rate=0.0001372,
            parameters=124439808,
            train_loss=2.9,
        ),
        evaluation=_EVALUATION,
        predictions=(Prediction(prompt="My dream is", text="My dream is a quiet | harbour."),),
        metadata={"license": "cc0-1.0"},
        prose="They were asked first.",
    )
    others = (
        CardAccount(handle="tide@sea.example", network="mastodon"),
        CardAccount(name="🌊", network="file", posts=_COUNTS),
    )
    return (
        full,
        replace(
            full,
            repo="sample-three",
            accounts=(_ACCOUNT, *others),
            evaluation=replace(_EVALUATION, base_loss=None, base_bits_per_byte=None),
            base_model="scratch",
            runs=(),
        ),
        Card(repo="sample-sparse"),
        Card(repo="sample-retired", state="retired", accounts=(_ACCOUNT,)),
    )
