"""Reads the lists of phrases beside it and draws sentences from them."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
FILES = ("words", "weather", "cast", "notices", "thoughts", "replies", "others", "long", "dressing")
SHORTEST, LONGEST = 70, 280
_HEADING = re.compile(r"\[(\w+)(?: (\d+))?\]")
_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeio]|umb|un[^i]|honest)")
_FORMS = ("do", "does", "did", "done", "doing")
_MAY_REPEAT = {"harbour", "please"}


@dataclass
class Lists:
    """Every list by name; `wanted` says how many posts a list of templates is to give."""

    phrases: dict[str, list[str]] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls) -> Lists:
        lists = cls()
        for name in FILES:
            lists._add((FOLDER / f"{name}.txt").read_text(encoding="utf-8"))
        return lists

    def _add(self, text: str) -> None:
        name = ""
        for line in text.splitlines():
            if heading := _HEADING.fullmatch(line):
                name = heading[1]
                if name in self.phrases:
                    raise ValueError(f"the list [{name}] stands twice")
                self.phrases[name] = []
                if heading[2]:
                    self.wanted[name] = int(heading[2])
            elif line and not line.startswith("#"):
                parts = [line] if name in ("thread", "long") else line.split(" | ")
                self.phrases[name] += [part.replace("\\n", "\n") for part in parts]

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """The lines "key: value" of a list."""
        return [(key, value) for key, _, value in (p.partition(": ") for p in self.phrases[name])]


class Speaker:
    """Draws from each list without putting a phrase back before the list is used up."""

    def __init__(self, lists: Lists, rng: random.Random) -> None:
        self.lists = lists
        self.rng = rng
        self.said: set[str] = set()
        self._bags: dict[str, list[str]] = {}
        self._forms = {line.split()[0]: line.split() for line in lists.phrases["forms"]}
        self._closings = set(lists.phrases["close"])
        self._cast = [who.lower() for who in lists.phrases["who"]]

    def posts(self, name: str, count: int) -> list[str]:
        """So many different posts from the templates of one list."""
        return [self.post(name) for _ in range(count)]

    def post(self, name: str) -> str:
        """One post that has not been said before."""
        for _ in range(1000):
            drawn: list[str] = []
            template = self._draw(name, drawn)
            text = self._fill(template, drawn)
            closed = not self._closings.isdisjoint(drawn)
            if len(text) < SHORTEST and not closed and self.rng.random() < 0.6:
                text += f" {self._fill('{close}', drawn)}"
            text = _ARTICLE.sub(r"\1n ", text)
            text = re.sub(r"([.!?])\.", r"\1", text)
            if text not in self.said and len(text) <= LONGEST and self._sounds_right(text, drawn):
                self.said.add(text)
                return text
        raise ValueError(f"the list [{name}] has nothing new to say")

    def _fill(self, template: str, drawn: list[str]) -> str:
        def put(slot: re.Match[str]) -> str:
            name = slot[1]
            low = name.lower()
            if low == "num":
                return str(self.rng.randrange(2, 100))
            if low == "year":
                return str(self.rng.randrange(1790, 2000))
            if low in _FORMS:
                text = self._inflect(self._draw("act", drawn), _FORMS.index(low))
            else:
                text = self._draw(low, drawn)
            text = self._fill(text, drawn)
            return text if name == low else text[0].upper() + text[1:]

        return _SLOT.sub(put, template)

    def _draw(self, name: str, drawn: list[str]) -> str:
        bag = self._bags.setdefault(name, [])
        free = [n for n, phrase in enumerate(bag) if phrase not in drawn or name == "thing"]
        if not free:
            bag[:] = self.lists.phrases[name]
            self.rng.shuffle(bag)
            free = list(range(len(bag)))
        phrase = bag.pop(free[-1])
        drawn.append(phrase)
        return phrase

    def _inflect(self, act: str, form: int) -> str:
        verb, _, rest = act.partition(" ")
        stem = verb.removesuffix("e")
        vowel_y = verb.endswith(("ay", "ey", "oy"))
        past = f"{verb[:-1]}ied" if verb.endswith("y") and not vowel_y else f"{stem}ed"
        third = f"{verb}es" if verb.endswith(("ch", "sh", "ss")) else f"{verb}s"
        regular = [verb, third, past, past, f"{stem}ing"]
        return f"{self._forms.get(verb, regular)[form]} {rest}"

    def _sounds_right(self, text: str, drawn: list[str]) -> bool:
        """One place, one time, nobody named twice, and no long word twice but within a phrase."""
        low = text.lower()
        if any(low.count(who) > 1 for who in self._cast):
            return False
        if any(len(set(self.lists.phrases[kind]) & set(drawn)) > 1 for kind in ("place", "time")):
            return False
        words = Counter(re.findall(r"[a-z]{6,}", low))
        again = [word for word, times in words.items() if times > 1 and word not in _MAY_REPEAT]
        return all(any(p.lower().count(word) > 1 for p in drawn) for word in again)
