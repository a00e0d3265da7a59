"""Threads that train users wait for one another, and for nobody who will not come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from hubtools.core.errors import ModelError
from hubtools.core.events import Reporter
from hubtools.training.bases import WarmBases
from hubtools.training.gathering import Gathering
from hubtools.training.recipe import Recipe, load_recipe
from hubtools.training.stacked import Learned, Stack, User
from hubtools.training.tokens import TokenBlocks
from hubtools.training.trackers import NoLog
from tests.training.test_stacked import ADAPTER, user_of

RECIPE = load_recipe("lora")


def somebody(seed: int, report: object = None) -> User:
    return User(
        blocks=TokenBlocks(((),)),
        aside=None,
        seed=seed,
        report=report or Reporter(),  # type: ignore[arg-type]
        log=NoLog(),
    )


class Trains:
    """Remembers the groups; what comes of a user is its seed."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[int]]] = []

    def __call__(self, base: str, recipe: Recipe, users: Sequence[User]) -> list[Learned]:
        self.groups.append((base, sorted(user.seed for user in users)))
        return [user.seed for user in users]  # type: ignore[misc]


def learn(gathering: Gathering, kinds: str) -> list[object]:
    """A thread for each letter, which is its kind, and what came of each."""

    def one(seed: int, kind: str) -> object:
        try:
            return gathering.learn(kind, RECIPE, somebody(seed))
        except ModelError as error:
            return str(error)
        finally:
            gathering.leave()

    for _ in kinds:
        gathering.enter()
    with ThreadPoolExecutor(len(kinds)) as pool:
        return list(pool.map(one, range(len(kinds)), kinds))


@pytest.mark.parametrize(
    ("kinds", "sizes"), [("aaaaaa", [3, 3]), ("aaaa", [3, 1]), ("ababa", [3, 2]), ("a", [1])]
)
def test_groups_are_of_one_kind_and_full_where_they_can_be(kinds: str, sizes: list[int]) -> None:
    trains = Trains()
    assert learn(Gathering(3, trains), kinds) == list(range(len(kinds)))
    assert sorted((len(seeds) for _, seeds in trains.groups), reverse=True) == sizes
    for kind, seeds in trains.groups:
        assert {kinds[seed] for seed in seeds} == {kind}


def test_who_is_still_on_the_way_is_waited_for_until_it_fails() -> None:
    trains = Trains()
    gathering = Gathering(3, trains)
    gathering.enter()
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(learn, gathering, "aa")
        assert not trains.groups
        gathering.leave()
        assert going.result() == [0, 1]


def test_an_error_of_the_group_is_that_of_each() -> None:
    def fails(*_: object) -> Sequence[Learned]:
        raise ModelError("does not fit into memory")

    assert learn(Gathering(2, fails), "aa") == ["does not fit into memory"] * 2


def test_a_stop_ends_the_wait() -> None:
    class StopError(Exception):
        pass

    class Stopping(Reporter):
        def advance(self, done: float, detail: str = "") -> None:
            raise StopError

        @contextmanager
        def task(self, title: str, total: float) -> Iterator[Stopping]:
            yield self

    trains = Trains()
    gathering = Gathering(2, trains)
    for _ in range(3):
        gathering.enter()
    with pytest.raises(StopError):
        gathering.learn("a", RECIPE, somebody(7, Stopping()))
    gathering.leave()
    gathering.leave()
    assert gathering.learn("a", RECIPE, somebody(1)) == 1
    assert trains.groups == [("a", [1])]


def test_who_is_in_training_stays_until_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log is written to, so a stop reaches it through the training alone."""
    training, told = threading.Event(), []

    class Watching(Reporter):
        def advance(self, done: float, detail: str = "") -> None:
            told.append(training.is_set())

        @contextmanager
        def task(self, title: str, total: float) -> Iterator[Watching]:
            yield self

    def train(_base: str, _recipe: Recipe, users: Sequence[User]) -> list[Learned]:
        training.set()
        time.sleep(0.2)
        training.clear()
        return [user.seed for user in users]  # type: ignore[misc]

    monkeypatch.setattr("hubtools.training.gathering._LOOK", 0.01)
    gathering = Gathering(2, train)
    gathering.enter()
    gathering.enter()
    with ThreadPoolExecutor(2) as pool:
        users = [somebody(seed, Watching()) for seed in range(2)]
        going = [pool.submit(gathering.learn, "a", RECIPE, user) for user in users]
        assert [one.result() for one in going] == [0, 1]
    assert not any(told)


def test_a_group_that_does_not_fit_is_halved_and_says_so(
    tiny_gpt2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Heard(Reporter):
        def __init__(self) -> None:
            self.notes: list[str] = []

        def note(self, text: str) -> None:
            self.notes.append(text)

    whole = Stack.fit

    def small(stack: Stack, users: Sequence[User]) -> Sequence[Learned | ModelError]:
        if len(users) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(stack, users)

    bases, heard = WarmBases(group=4), Heard()
    base = bases.fresh(str(tiny_gpt2), ADAPTER, (), 1)
    users = [replace(user_of(base, seed), report=heard) for seed in range(4)]
    expected = Stack(base, ADAPTER, 4).fit(users)
    monkeypatch.setattr(Stack, "fit", small)
    found = bases.gathering._train(str(tiny_gpt2), ADAPTER, users)
    assert heard.notes == ["Out of memory: from here on 2 users train at once"]
    assert bases.gathering.size == 2
    for one, other in zip(found, expected, strict=True):
        assert isinstance(one, Learned) and isinstance(other, Learned)
        for name, weight in other.weights.items():
            torch.testing.assert_close(one.weights[name], weight, atol=3e-5, rtol=1e-3)


def test_not_even_one_fits(tiny_gpt2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> Sequence[Learned]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Stack, "fit", none)
    bases = WarmBases(group=2)
    base = bases.fresh(str(tiny_gpt2), ADAPTER, (), 1)
    with pytest.raises(ModelError, match="Leave --together out"):
        bases.gathering._train(str(tiny_gpt2), ADAPTER, [user_of(base, 1), user_of(base, 2)])
