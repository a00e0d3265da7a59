"""Archives in the layout that X has used since 2022, small and made up."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

SECOND = "Thu May 23 16:56:38 +0000 2024"


def tweet(text: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """One tweet as X writes it: escaped, its numbers as strings."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {
        "id_str": str(number),
        "id": str(number),
        "created_at": SECOND,
        "full_text": escaped,
        "retweeted": False,
        "truncated": False,
        **fields,
    }


def member(kind: str, records: list[Any], part: int = 0) -> str:
    """The text of one `.js` file."""
    body = json.dumps(records, ensure_ascii=False, indent=2)
    return f"window.YTD.{kind}.part{part} = {body}"


def tweets_js(*tweets: dict[str, Any], part: int = 0) -> str:
    return member("tweets", [{"tweet": one} for one in tweets], part)


def account_js(handle: str = "lampkeeper", name: str = "Lamp & Keeper 🔦") -> str:
    account = {"email": "a@example.com", "username": handle, "accountDisplayName": name}
    return member("account", [{"account": account}])


def profile_js(url: str) -> str:
    return member("profile", [{"profile": {"avatarMediaUrl": url}}])


def note_js(text: str, created: str = "2024-05-23T16:56:38.000Z") -> str:
    note = {"noteTweetId": "9", "createdAt": created, "core": {"text": text}}
    return member("note_tweet", [{"noteTweet": note}])


def manifest_js(tweets: dict[str, int]) -> str:
    files = [
        {"fileName": name, "globalName": f"YTD.tweets.part{n}", "count": str(count)}
        for n, (name, count) in enumerate(tweets.items())
    ]
    config = {
        "userInfo": {"userName": "fromthemanifest", "displayName": "From the manifest"},
        "dataTypes": {"tweets": {"files": files}},
    }
    return f"window.__THAR_CONFIG = {json.dumps(config, indent=2)}"


def write_zip(path: Path, members: dict[str, str | bytes]) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return str(path)


def write_folder(path: Path, members: dict[str, str | bytes]) -> str:
    for name, data in members.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)
