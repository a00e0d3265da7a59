"""Where threads that each have a user to train wait for one another, and train as a group."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hubtools.core.errors import HubtoolsError
from hubtools.training.recipe import Recipe
from hubtools.training.stacked import Learned, User

_LOOK = 0.5  # seconds between two looks at whether to stop

Kind = tuple[str, Recipe]
"""Base and recipe, which those of a group have in common."""
Train = Callable[[str, Recipe, Sequence[User]], Sequence[Learned | HubtoolsError]]


@dataclass(slots=True, eq=False)
class _Ticket:
    kind: Kind
    user: User
    outcome: Learned | BaseException | None = None


class Gathering:
    """Trains users by `size` of a kind, or fewer when nobody else can come.

    Whoever may come is in hand from the moment that its model is begun until it is done, so that
    a group waits for those on their way and not for anybody else.
    """

    def __init__(self, size: int, train: Train) -> None:
        self.size = size
        self._train = train
        self._changed = threading.Condition()
        self._waiting: list[_Ticket] = []
        self._in_hand = 0

    def enter(self) -> None:
        """A model is begun."""
        self._count(1)

    def leave(self) -> None:
        """A model that was begun is made, or never will be."""
        self._count(-1)

    def learn(self, base: str, recipe: Recipe, user: User) -> Learned:
        """Wait for a group, train it or have it trained, and say what came of this user.

        Raises what training raised. What `user.report` raises ends the wait for a group.
        """
        ticket = _Ticket((base, recipe), user)
        with self._changed, user.report.task("waiting for others", self.size) as bar:
            self._waiting.append(ticket)
            try:
                while ticket.outcome is None:
                    group = self._group()
                    if group:
                        self._lead(group)
                    else:
                        self._changed.wait(_LOOK)
                        if ticket in self._waiting:  # and not in another thread's hands
                            bar.advance(len(self._waiting))
            finally:
                if ticket in self._waiting:
                    self._waiting.remove(ticket)
        if isinstance(ticket.outcome, BaseException):
            raise ticket.outcome
        return ticket.outcome

    def _group(self) -> list[_Ticket]:
        """Those who can begin now."""
        kinds: defaultdict[Kind, list[_Ticket]] = defaultdict(list)
        for ticket in self._waiting:
            kinds[ticket.kind].append(ticket)
        largest = max(kinds.values(), key=len, default=[])
        enough = len(largest) >= self.size or len(self._waiting) >= self._in_hand
        return largest[: self.size] if enough else []

    def _lead(self, group: Sequence[_Ticket]) -> None:
        """Train a group while others go on arriving."""
        for ticket in group:
            self._waiting.remove(ticket)
        outcomes: Sequence[Learned | BaseException]
        self._changed.release()
        try:
            outcomes = self._train(*group[0].kind, [ticket.user for ticket in group])
        except BaseException as error:  # noqa: BLE001 - it is raised in the threads of all
            outcomes = [error] * len(group)
        finally:
            self._changed.acquire()
        for ticket, outcome in zip(group, outcomes, strict=True):
            ticket.outcome = outcome
        self._changed.notify_all()

    def _count(self, change: int) -> None:
        with self._changed:
            self._in_hand += change
            self._changed.notify_all()
