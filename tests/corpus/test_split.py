"""Train, validation and test: the newest posts test, and no text is in two of the sets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.core.errors import PolicyError
from hubtools.corpus.corpus import KeptPost
from hubtools.corpus.split import split_posts

START = datetime(2024, 1, 1, tzinfo=UTC)


def dated(texts: Sequence[str]) -> list[KeptPost]:
    return [KeptPost(text, START + timedelta(days=n)) for n, text in enumerate(texts)]


def texts(posts: Sequence[KeptPost]) -> list[str]:
    return [post.text for post in posts]


def test_the_newest_tenth_tests_and_the_newest_of_the_rest_validates() -> None:
    posts = dated([f"post {n}" for n in range(35)])
    split = split_posts(posts[20:] + posts[:20])
    assert texts(split.test) == ["post 34", "post 33", "post 32"]
    assert split.validation == ()
    assert split.train == tuple(posts[20:32] + posts[:20])
    split = split_posts(posts[20:] + posts[:20], val_fraction=0.1)
    assert texts(split.test) == ["post 34", "post 33", "post 32"]
    assert texts(split.validation) == ["post 31", "post 30", "post 29"]
    assert split.train == tuple(posts[20:29] + posts[:20])
    untested = split_posts(posts, val_fraction=0.1, test_fraction=0.0)
    assert (len(untested.train), len(untested.validation), untested.test) == (32, 3, ())


def test_without_all_dates_the_split_depends_on_the_texts_alone() -> None:
    posts = [*dated([f"post {n}" for n in range(39)]), KeptPost("no date", None)]
    split, again = split_posts(posts), split_posts(posts[::-1])
    assert len(split.test) == 4
    assert split.test == again.test
    assert set(split.train) == set(again.train)


def test_a_text_that_is_trained_on_is_not_tested() -> None:
    posts = dated([*(f"post {n}" for n in range(18)), "Post  3", "something new"])
    split = split_posts(posts)
    assert texts(split.test) == ["something new"]
    assert len(split.train) == 18


def test_more_posts_test_when_the_newest_are_all_repeated() -> None:
    split = split_posts(dated(["ahoy", "the only other one", *["ahoy"] * 28]))
    assert texts(split.test) == ["the only other one"]
    assert texts(split.train) == ["ahoy"]


@pytest.mark.parametrize("posts", [[], ["one"], ["same", "SAME", " same"]])
def test_one_text_cannot_be_split(posts: list[str]) -> None:
    with pytest.raises(PolicyError):
        split_posts(dated(posts))


KEPT = st.builds(
    KeptPost, st.sampled_from("abcdefghij"), st.none() | st.datetimes(timezones=st.just(UTC))
)


@given(st.lists(KEPT).filter(lambda posts: len({post.text for post in posts}) > 1))
def test_test_posts_are_never_seen_in_training(posts: list[KeptPost]) -> None:
    split = split_posts(posts)
    assert split.train
    assert split.test
    assert not set(texts(split.train)) & set(texts(split.test))
    assert set(split.train) | set(split.test) <= set(posts)
    assert split == split_posts(posts)


@given(st.lists(KEPT).filter(lambda posts: len({post.text for post in posts}) > 5))
def test_no_text_is_in_two_sets(posts: list[KeptPost]) -> None:
    try:
        split = split_posts(posts, val_fraction=0.2)
    except PolicyError:  # the repeated ones may leave too few for three sets
        return
    sets = [set(texts(part)) for part in (split.train, split.validation, split.test)]
    assert all(sets)
    assert len(set.union(*sets)) == sum(map(len, sets))
