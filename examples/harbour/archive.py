"""Puts the drafts into the shapes of X's archive of 2022 and later."""

from __future__ import annotations

import json
import random
import re
import string
from datetime import UTC, datetime, timedelta
from typing import Any

from harbour.posts import Author, Draft

HANDLE, NAME = "harbourlog", "Harbour Log ⚓"
ACCOUNT_ID = "1095936000000000004"
AVATAR = "9wYbollard.png"
JOINED = datetime(2019, 2, 14, 7, 0, tzinfo=UTC)
MADE = datetime(2024, 12, 24, 12, 0, tzinfo=UTC)
LONG_CUT = 275
SITE = "harbourlog.example.org"
_EPOCH = datetime(2010, 11, 4, 1, 42, 54, 657000, tzinfo=UTC)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SOURCES = (
    '<a href="https://mobile.twitter.com" rel="nofollow">Twitter Web App</a>',
    '<a href="http://twitter.com/download/android" rel="nofollow">Twitter for Android</a>',
)

Json = dict[str, Any]


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def x_date(moment: datetime) -> str:
    """X's own format, in English whatever the locale."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day} {month} {moment:%d %H:%M:%S} +0000 {moment.year}"


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Desk:
    """Gives out ids and short links, and turns drafts into tweets."""

    def __init__(self, author: Author) -> None:
        self.rng = random.Random(4)
        self.names = dict(author.lists.pairs("visitor") + author.lists.pairs("source"))
        self.people = {name: self.snowflake(JOINED) for name in sorted(self.names)}
        self.ids: dict[datetime, str] = {}
        self.edits: dict[datetime, list[str]] = {}
        self.notes: list[Json] = []

    def snowflake(self, moment: datetime) -> str:
        passed = (moment - _EPOCH) // timedelta(milliseconds=1)
        return str((passed << 22) | self.rng.randrange(1 << 22))

    def tweets(self, drafts: list[Draft]) -> list[Json]:
        for draft in drafts:
            self.ids[draft.when] = self.snowflake(draft.when)
        for draft in drafts:
            if draft.kind == "edit" and draft.after:
                both = [self.ids[draft.after], self.ids[draft.when]]
                self.edits[draft.after] = self.edits[draft.when] = both
        return [{"tweet": self.tweet(draft)} for draft in drafts]

    def tweet(self, draft: Draft) -> Json:
        post_id = self.ids[draft.when]
        text, urls = self.shorten(draft)
        tweet: Json = {
            "edit_info": self.edit_info(draft),
            "retweeted": False,
            "source": self.rng.choice(_SOURCES),
            "entities": self.entities(text, urls),
            "display_text_range": ["0", str(len(text))],
            "favorite_count": str(self.rng.randrange(60)),
            "id_str": post_id,
            "truncated": False,
            "retweet_count": str(self.rng.randrange(9)),
            "id": post_id,
            "created_at": x_date(draft.when),
            "favorited": False,
            "full_text": text,
            "lang": "en" if len(text.split()) > 2 else "und",
        }
        if urls:
            tweet["possibly_sensitive"] = False
        return tweet | self.reply_fields(draft)

    def shorten(self, draft: Draft) -> tuple[str, dict[str, str]]:
        """The escaped text with its short links, and where each of them leads."""
        urls: dict[str, str] = {}

        def link(match: re.Match[str]) -> str:
            letters = self.rng.choices(string.ascii_letters + string.digits, k=10)
            short = f"https://t.co/{''.join(letters)}"
            urls[short] = self.address(match[1])
            return short

        text = draft.text
        if draft.kind == "long":
            text = f"{draft.text[:LONG_CUT].rstrip()}…"
            self.notes.append(self.note(draft))
        parts = re.split(r"(<[a-z][^<>]*>)", text)
        return "".join(
            re.sub("<(.*)>", link, part) if n % 2 else escape(part) for n, part in enumerate(parts)
        ), urls

    def address(self, name: str) -> str:
        kind, _, handle = name.partition(" ")
        if kind == "status":
            return f"https://x.com/{handle}/status/{self.snowflake(JOINED)}"
        return f"https://{SITE}/{name}"

    def edit_info(self, draft: Draft) -> Json:
        ids = self.edits.get(draft.when, [self.ids[draft.when]])
        control = {
            "editTweetIds": ids,
            "editableUntil": iso(draft.when + timedelta(hours=1)),
            "editsRemaining": "4" if len(ids) > 1 else "5",
            "isEditEligible": not draft.answers and draft.kind != "retweet",
        }
        if draft.kind == "edit":
            return {"edit": {"initialTweetId": ids[0], "editControlInitial": control}}
        return {"initial": control}

    def entities(self, text: str, urls: dict[str, str]) -> Json:
        return {
            "hashtags": [
                {"text": found[1], "indices": span(found)} for found in re.finditer(r"#(\w+)", text)
            ],
            "symbols": [],
            "user_mentions": [
                {
                    "name": self.names[found[1]],
                    "screen_name": found[1],
                    "indices": span(found),
                    "id_str": self.people[found[1]],
                    "id": self.people[found[1]],
                }
                for found in re.finditer(r"@(\w+)", text)
            ],
            "urls": [
                {
                    "url": found[0],
                    "expanded_url": urls[found[0]],
                    "display_url": urls[found[0]].removeprefix("https://"),
                    "indices": span(found),
                }
                for found in re.finditer(r"https://t\.co/\w+", text)
            ],
        }

    def reply_fields(self, draft: Draft) -> Json:
        if draft.answers:
            handle = draft.answers[0]
            user = self.people[handle]
            post = self.snowflake(draft.when - timedelta(minutes=self.rng.randrange(1, 90)))
        elif draft.after and draft.kind == "thread":
            handle, user, post = HANDLE, ACCOUNT_ID, self.ids[draft.after]
        else:
            return {}
        return {
            "in_reply_to_status_id_str": post,
            "in_reply_to_status_id": post,
            "in_reply_to_user_id": user,
            "in_reply_to_user_id_str": user,
            "in_reply_to_screen_name": handle,
        }

    def note(self, draft: Draft) -> Json:
        published = {"name": "Published", "originalName": "Published", "annotations": {}}
        core: Json = {key: [] for key in ("styletags", "urls", "mentions", "cashtags", "hashtags")}
        return {
            "noteTweet": {
                "noteTweetId": self.snowflake(draft.when),
                "updatedAt": iso(draft.when),
                "lifecycle": {"value": "2", **published},
                "createdAt": iso(draft.when),
                "core": core | {"text": draft.text},
            }
        }


def span(found: re.Match[str]) -> list[str]:
    return [str(found.start()), str(found.end())]


def assignment(name: str, value: object) -> str:
    body = json.dumps(value, ensure_ascii=False, indent=2, separators=(",", " : "))
    return f"window.{name} = {body}"


def account() -> list[Json]:
    return [
        {
            "account": {
                "email": "harbourlog@example.com",
                "createdVia": "web",
                "username": HANDLE,
                "accountId": ACCOUNT_ID,
                "createdAt": iso(JOINED),
                "accountDisplayName": NAME,
            }
        }
    ]


def profile() -> list[Json]:
    bio = "Log of a very small harbour. One ferry, one buoy, one heron (management). Soup at noon."
    picture = f"https://pbs.twimg.com/profile_images/{ACCOUNT_ID}/{AVATAR}"
    about = {"bio": bio, "website": f"https://{SITE}", "location": "behind the fog"}
    return [{"profile": {"description": about, "avatarMediaUrl": picture}}]


def private() -> dict[str, list[Json]]:
    """What nobody who makes a model has any business to open."""
    message = {
        "recipientId": ACCOUNT_ID,
        "reactions": [],
        "urls": [],
        "text": "PRIVATE: the heron must not learn about the second biscuit tin.",
        "mediaUrls": [],
        "senderId": "1095936000000000005",
        "id": "1600000000000000001",
        "createdAt": "2022-12-06T05:15:44.000Z",
        "editHistory": [],
    }
    talk = {"conversationId": f"{ACCOUNT_ID}-5", "messages": [{"messageCreate": message}]}
    login = {"accountId": ACCOUNT_ID, "createdAt": iso(MADE), "loginIp": "192.0.2.4"}
    gone = {
        "id_str": "1600000000000000002",
        "id": "1600000000000000002",
        "created_at": "Tue Dec 06 06:00:00 +0000 2022",
        "deleted_at": "2022-12-06T06:00:09.000Z",
        "full_text": "DELETED: I have seen the other three buoys and they are happy.",
        "lang": "en",
    }
    return {
        "directMessages": [{"dmConversation": talk}],
        "ipAudit": [{"ipAudit": login}],
        "deletedTweets": [{"tweet": gone}],
    }


def manifest(contents: dict[str, list[Json]], size: int) -> Json:
    types: Json = {}
    for name, items in contents.items():
        entry = {
            "fileName": f"data/{dashed(name)}.js",
            "globalName": f"YTD.{dashed(name).replace('-', '_')}.part0",
            "count": str(len(items)),
        }
        types[name] = {"files": [entry]}
        if name in ("profile", "tweets"):
            types[name] = {"mediaDirectory": f"data/{name}_media"} | types[name]
    return {
        "userInfo": {"accountId": ACCOUNT_ID, "userName": HANDLE, "displayName": NAME},
        "archiveInfo": {
            "sizeBytes": str(size),
            "generationDate": iso(MADE),
            "isPartialArchive": False,
            "maxPartSizeBytes": "53687091200",
        },
        "readmeInfo": {"fileName": "data/README.txt", "directory": "data/", "name": "README.txt"},
        "dataTypes": types,
    }


def dashed(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"-{letter[0].lower()}", name)
