"""What training sees of an account, and the counts that a card shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.core.errors import PolicyError
from hubtools.core.results import PostCounts
from hubtools.corpus.cleaning import Decision, HuggingtweetsCleaning
from hubtools.corpus.corpus import (
    Corpus,
    Example,
    KeptPost,
    build_corpus,
    check_enough,
)
from hubtools.posts.post import Account, AccountPosts, Post
from hubtools.posts.registry import read_source

DATA = Path(__file__).parents[2].parent / "shared" / "data"
START = datetime(2024, 1, 1, tzinfo=UTC)
SHORT = "fewer than three words"


def corpus_of(*posts: str | Post) -> Corpus:
    made = [post if isinstance(post, Post) else Post("1", post) for post in posts]
    return build_corpus(
        AccountPosts("posts.zip", "00" * 32, Account("x", "keeper"), made, ("Noted.",))
    )


def test_every_post_is_counted_once() -> None:
    corpus = corpus_of(
        "words enough to keep",
        Post("2", "their words enough to keep", repost=True),
        "too short",
        "@a @b thanks",
        "https://t.co/a",
        Post("3", "reach me at keeper@example.org please", START),
    )
    assert corpus.counts == PostCounts(downloaded=6, reposts=1, dropped=3, kept=2)
    assert corpus.reasons == {SHORT: 2, "nothing left": 1}
    assert corpus.kept == (
        KeptPost("words enough to keep", None),
        KeptPost("reach me at [e-mail] please", START),
    )
    assert corpus.redacted == 1
    assert corpus.characters == len("words enough to keep") + len("reach me at [e-mail] please")
    assert (corpus.source, corpus.notes) == ("posts.zip", ("Noted.",))


def test_other_rules_can_take_the_place_of_ours() -> None:
    class Shouting:
        name = "shouting"

        def decide(self, posts: AccountPosts) -> Iterator[Decision]:
            for post in posts.posts:
                quiet = "too quiet" if post.text.endswith("...") else None
                yield Decision(post, post.text.upper(), quiet, ("a small voice",))

    posts = [Post("1", "ahoy"), Post("2", "well...")]
    corpus = build_corpus(AccountPosts("s", "d", Account("file"), posts), Shouting())
    assert [post.text for post in corpus.kept] == ["AHOY"]
    assert corpus.reasons == {"too quiet": 1}
    assert corpus.changed == {"a small voice": 1}
    assert corpus.examples == {
        "a small voice": (Example("ahoy", "AHOY"),),
        "too quiet": (Example("well...", "WELL..."),),
    }


def test_examples_never_tell_what_is_redacted() -> None:
    corpus = corpus_of(
        "keeper@example.org https://t.co/a",
        "write to keeper&#64;example.org https://t.co/a today",
        "write to me https://t.co/a today",
    )
    shown = [
        text for found in corpus.examples.values() for e in found for text in (e.before, e.after)
    ]
    assert shown
    assert not [text for text in shown if "keeper" in text]


@given(st.lists(st.builds(Post, st.just("1"), st.text(), st.none(), st.booleans())))
def test_counts_always_add_up(posts: list[Post]) -> None:
    corpus = corpus_of(*posts)
    counts = corpus.counts
    assert counts.downloaded == len(posts) == counts.reposts + counts.dropped + counts.kept
    assert sum(corpus.reasons.values()) == counts.dropped
    assert len(corpus.kept) == counts.kept


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared collection of posts")
def test_a_real_timeline_has_the_counts_it_should() -> None:
    corpus = build_corpus(
        read_source(str(DATA / "csv" / "BarackObama_538.csv")), HuggingtweetsCleaning()
    )
    assert corpus.counts == PostCounts(downloaded=3207, reposts=351, dropped=30, kept=2826)
    assert corpus.redacted == 0


def of_size(characters: int) -> Corpus:
    """Posts of 100 characters each, which joined have just so many characters."""
    count = (characters + 13) // 113
    rest = characters + 13 - count * 113
    posts = [f"a b c {n:04} " + "x" * (89 + (rest if n == 0 else 0)) for n in range(count)]
    corpus = corpus_of(*posts)
    assert corpus.joined == len("<|endoftext|>".join(post.text for post in corpus.kept))
    assert corpus.joined == characters
    return corpus


def test_too_few_posts_are_refused_with_what_is_missing() -> None:
    with pytest.raises(PolicyError) as caught:
        check_enough(
            [of_size(50_000), corpus_of(*(f"a b c {n:04} " + "x" * 89 for n in range(20)), "short")]
        )
    assert caught.value.exit_code == 7
    assert caught.value.where == "posts.zip"
    assert {"20", "21", "2,247", "6,000"} <= set(re.findall(r"[\d,]*\d", caught.value.what))
    assert "34" in str(caught.value.fix)


def test_no_post_kept_is_refused() -> None:
    with pytest.raises(PolicyError) as caught:
        check_enough([corpus_of("short")])
    assert caught.value.where == "posts.zip"
    assert caught.value.fix


@pytest.mark.parametrize(
    ("characters", "refused", "warnings"),
    [(5_999, True, 0), (6_000, False, 1), (39_999, False, 1), (40_000, False, 0)],
)
def test_the_thresholds_are_the_predecessor_s(
    characters: int, refused: bool, warnings: int
) -> None:
    corpus = of_size(characters)
    if refused:
        with pytest.raises(PolicyError):
            check_enough([corpus])
    else:
        assert len(check_enough([corpus])) == warnings


@pytest.mark.parametrize(
    ("said", "language"),
    [
        (["en"] * 9 + ["de"], "en"),
        (["en"] * 8 + ["de"] * 2, None),
        ([None] * 9 + ["en"], None),
        ([], None),
    ],
)
def test_the_language_of_nearly_all_posts(said: list[str | None], language: str | None) -> None:
    posts = tuple(
        Post(id=str(n), text=f"four own words {n}", language=code) for n, code in enumerate(said)
    )
    found = AccountPosts("x", "0", Account("x"), posts)
    assert build_corpus(found).language == language
