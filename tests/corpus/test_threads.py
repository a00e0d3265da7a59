"""A person's answers to themself, one soon after the other, are one text."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from hubtools.corpus.cleaning import VoiceCleaning
from hubtools.corpus.cleaning.threads import LONGEST, Part, find_replies, join, threads
from hubtools.corpus.corpus import Corpus, build_corpus
from hubtools.posts.post import Account, AccountPosts, Post

START = datetime(2024, 5, 1, 12, tzinfo=UTC)
JOINED = "joined to the post it continues"


def part(id: str, text: str, answers: str | None = None, minutes: float = 0) -> Post:
    return Post(id, text, START + timedelta(minutes=minutes), reply_to=answers)


def threads_of(posts: Sequence[Post]) -> tuple[tuple[Part, ...], ...]:
    return threads(posts, find_replies(posts))


def corpus_of(*posts: Post) -> Corpus:
    return build_corpus(AccountPosts("p", "00", Account("x", "keeper"), posts), VoiceCleaning())


THREAD = (
    part("1", "The lamp went out tonight. 1/3"),
    part("2", "@keeper So I climbed up to see. 2/3", "1", 2),
    part("3", "It was a moth, of all things. 3/3 https://t.co/a", "2", 16),
)


@pytest.mark.parametrize("order", [THREAD, THREAD[::-1], (THREAD[1], THREAD[2], THREAD[0])])
def test_a_thread_is_one_text_in_whatever_order_it_stands(order: tuple[Post, ...]) -> None:
    corpus = corpus_of(*order)
    assert [post.text for post in corpus.kept] == [
        "The lamp went out tonight.\n\nSo I climbed up to see.\n\nIt was a moth, of all things."
    ]
    assert corpus.kept[0].created == START
    assert corpus.reasons == {JOINED: 2}
    assert corpus.counts.downloaded == 3 == corpus.counts.dropped + corpus.counts.kept


def test_what_comes_later_than_a_quarter_of_an_hour_is_a_post_of_its_own() -> None:
    corpus = corpus_of(part("1", "The lamp is lit"), part("2", "It still is lit", "1", 15.1))
    assert corpus.counts.kept == 2


def test_of_two_answers_the_first_continues() -> None:
    corpus = corpus_of(
        part("1", "The lamp is lit"),
        part("3", "By the way, good night", "1", 2),
        part("2", "It shines for miles", "1", 1),
    )
    assert [post.text for post in corpus.kept] == [
        "The lamp is lit\n\nIt shines for miles",
        "By the way, good night",
    ]


@pytest.mark.parametrize(
    "other",
    [
        part("2", "an answer to someone else", "77", 1),
        Post("2", "an answer without a date", reply_to="1"),
        Post("2", "an answer that is cut off", START, reply_to="1", truncated=True),
        Post("2", "their words, not mine at all", START, repost=True, reply_to="1"),
        part("2", "answered before it was asked", "1", -1),
    ],
)
def test_other_answers_do_not_join(other: Post) -> None:
    posts = (part("1", "The lamp is lit"), other)
    assert threads_of(posts) == ()
    assert JOINED not in corpus_of(*posts).reasons


def test_posts_that_answer_each_other_in_a_ring_or_share_an_id_do_not_join() -> None:
    ring = (part("1", "The lamp is lit", "2"), part("2", "The lamp is out", "1"))
    assert threads_of(ring) == ()
    assert threads_of((part("1", "answers itself", "1"),)) == ()
    twice = (part("1", "The lamp is lit"), part("1", "The lamp is out"), part("2", "and so", "1"))
    assert threads_of(twice) == ()


def test_a_part_without_words_is_counted_as_what_it_is() -> None:
    corpus = corpus_of(
        part("1", "https://t.co/a"),
        part("2", "The lamp is lit", "1", 1),
        part("3", "https://t.co/b", "2", 2),
        part("4", "and so", "3", 3),
    )
    assert [post.text for post in corpus.kept] == ["The lamp is lit\n\nand so"]
    assert corpus.reasons == {"nothing left": 2, JOINED: 1}


def test_a_long_thread_is_several_texts() -> None:
    posts = [part("0", f"{0:03} " + "the light goes round " * 12)]
    posts += [
        part(str(n), f"{n:03} " + "the light goes round " * 12, str(n - 1), n) for n in range(1, 10)
    ]
    found = threads_of(posts)
    assert [part.place for thread in found for part in thread] == list(range(len(posts) - 1))
    assert all(sum(len(part.post.text) for part in thread) <= LONGEST for thread in found)
    assert corpus_of(*posts).counts.kept == len(found) + 1


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["1/ one lamp", "2/ two lamps"], "one lamp\n\ntwo lamps"),
        (["(1/2) one lamp", "(2/2) two lamps"], "one lamp\n\ntwo lamps"),
        (["one lamp 1/n", "two lamps 2/n"], "one lamp\n\ntwo lamps"),
        (["1) one lamp", "two lamps"], "1) one lamp\n\ntwo lamps"),
        (["12/10 good", "2/2 lamps"], "12/10 good\n\n2/2 lamps"),
        (["it was...", "...a moth"], "it was a moth"),
        (["it was…", "a moth"], "it was a moth"),
        (["it was…", "A moth"], "it was…\n\nA moth"),
        (["one lamp", ""], "one lamp"),
    ],
)
def test_how_parts_are_joined(parts: list[str], text: str) -> None:
    assert join(parts) == text


def test_a_hundred_thousand_parts_are_joined_in_time() -> None:
    posts = [part("0", "the light")] + [
        part(str(n), "the light", str(n - 1), n / 1000) for n in range(1, 100_000)
    ]
    assert sum(map(len, threads_of(posts))) == len(posts)
