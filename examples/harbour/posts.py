"""Decides what the account says, when, and to whom."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from harbour.grammar import Lists, Speaker

START = datetime(2019, 2, 14, 7, 30, tzinfo=UTC)
END = datetime(2024, 12, 20, 18, 0, tzinfo=UTC)
LONG_SINCE = datetime(2023, 3, 1, 6, 0, tzinfo=UTC)
RETWEETS, SHORTS, DUPLICATES = 150, 120, 10
EDITS = (
    (
        "Notice: the wrong bench has wet pant. Please sit on the other wrong bench.",
        "Notice: the wrong bench has wet paint. Please sit on the other wrong bench.",
    ),
    (
        "The heron has read this log and found one mistak.",
        "The heron has read this log and found one mistake. We have hidden it.",
    ),
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A post before it has an id. Links stand in its text as `<name>`, nothing is escaped."""

    kind: str
    text: str
    when: datetime
    answers: tuple[str, ...] = ()
    """Handles of visitors, the one that is answered first."""
    after: datetime | None = None
    """When the own post was written that this one continues or corrects."""


class Clock:
    """Moments that are all different, by the second."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.taken: set[datetime] = set()

    def at(self, moment: datetime) -> datetime:
        while moment in self.taken:
            moment += timedelta(seconds=1)
        self.taken.add(moment)
        return moment

    def some(self, since: datetime = START, until: datetime = END) -> datetime:
        seconds = int((until - since).total_seconds())
        return self.at(since + timedelta(seconds=self.rng.randrange(seconds)))

    def fitting(self, text: str) -> datetime:
        """A moment at the hour that the text speaks of."""
        moment = self.some()
        if night := re.match(r"Night log, (\d\d):(\d\d)", text):
            moment = moment.replace(hour=int(night[1]), minute=int(night[2]))
        elif text.startswith("Good morning"):
            moment = moment.replace(hour=self.rng.randrange(5, 9))
        elif text.startswith("Good night"):
            moment = moment.replace(hour=self.rng.randrange(20, 24))
        return self.at(moment)


class Author:
    """Everything the account wrote, as drafts."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.lists = Lists.read()
        self.speaker = Speaker(self.lists, self.rng)
        self.clock = Clock(self.rng)
        self.visitors = [handle for handle, _ in self.lists.pairs("visitor")]

    def drafts(self) -> list[Draft]:
        said = self.notes()
        drafts = [*said, *self.replies(), *self.threads(), *self.longs(), *self.edited()]
        plain = [draft for draft in said if "<" not in draft.text]
        for draft in self.rng.sample(plain, DUPLICATES):
            drafts.append(replace(draft, kind="duplicate", when=self.clock.some(draft.when)))
        drafts += self.retweets()
        drafts += self.shorts()
        self.rng.shuffle(drafts)
        return drafts

    def notes(self) -> list[Draft]:
        made = []
        for name, count in self.lists.wanted.items():
            if name != "reply":
                for text in self.speaker.posts(name, count):
                    made.append(Draft("note", self.dress(name, text), self.clock.fitting(text)))
        return made

    def dress(self, name: str, text: str) -> str:
        """Some posts wear an emoji, a hashtag, a link or a line break."""
        emojis = [value for key, value in self.lists.pairs("emojis") if key == name]
        tags = [value for key, value in self.lists.pairs("tags") if key == name]
        if self.rng.random() < 0.06:
            text = re.sub(r"(?<=(?<!Mrs)\.) (?!.*(?<!Mrs)\. )", "\n\n", text)
        if self.rng.random() < 0.2 and emojis:
            text += f" {self.rng.choice(emojis)}"
        if self.rng.random() < 0.12:
            text += f" #{self.rng.choice(tags + self.lists.phrases['tag'])}"
        if self.rng.random() < 0.08:
            text += f" {self.link()}"
        return text

    def link(self) -> str:
        if self.rng.random() < 0.15:
            return f"<status {self.rng.choice(self.lists.pairs('source'))[0]}>"
        return f"<{self.rng.choice(self.lists.phrases['link'])}>"

    def replies(self) -> list[Draft]:
        made = []
        for text in self.speaker.posts("reply", self.lists.wanted["reply"]):
            count = self.rng.choices((1, 2, 3), (8, 2, 1))[0]
            to = tuple(self.rng.sample(self.visitors, count))
            mentions = " ".join(f"@{handle}" for handle in to)
            made.append(Draft("reply", f"{mentions} {text}", self.clock.some(), answers=to))
        return made

    def threads(self) -> list[Draft]:
        made = []
        for line in self.lists.phrases["thread"]:
            before = None
            moment = self.clock.some()
            for text in line.split(" | "):
                made.append(Draft("thread", text, moment, after=before))
                before = moment
                moment = self.clock.at(moment + timedelta(seconds=self.rng.randrange(40, 300)))
        return made

    def longs(self) -> list[Draft]:
        texts = self.lists.phrases["long"]
        return [Draft("long", text, self.clock.some(LONG_SINCE)) for text in texts]

    def edited(self) -> list[Draft]:
        made = []
        for first, second in EDITS:
            moment = self.clock.some(LONG_SINCE)
            later = self.clock.at(moment + timedelta(minutes=4))
            made.append(Draft("superseded", first, moment))
            made.append(Draft("edit", second, later, after=moment))
        return made

    def retweets(self) -> list[Draft]:
        made = []
        for _ in range(RETWEETS):
            text = self.speaker.post("retweet")
            text = f"{text[:139]}…" if len(text) > 140 else text
            made.append(Draft("retweet", text, self.clock.some()))
        return made

    def shorts(self) -> list[Draft]:
        texts: dict[str, tuple[str, ...]] = {}
        while len(texts) < SHORTS:
            text = self.rng.choice(self.lists.phrases["short"])
            way = self.rng.random()
            to: tuple[str, ...] = ()
            if way < 0.25:
                text += f" #{self.rng.choice(self.lists.phrases['shorttag'])}"
            elif way < 0.4:
                text += f" {self.link()}"
            elif way < 0.55 and " " not in text:
                text += f" {self.rng.choice(self.lists.phrases['shortemoji'])}"
            elif way < 0.65:
                to = (self.rng.choice(self.visitors),)
                text = f"@{to[0]} {text}"
            elif way < 0.7:
                text = self.link()
            texts.setdefault(text, to)
        return [Draft("short", text, self.clock.some(), answers=to) for text, to in texts.items()]
