from __future__ import annotations

from typing import Any

import pytest

from hubtools.core.errors import PolicyError
from hubtools.posts.optout import refuse_opted_out

LABEL = {"val": "!no-unauthenticated", "src": "did:plc:abc"}


def preference(scope: dict[str, str] | None = None, **allowed: bool) -> dict[str, Any]:
    return {
        "$type": "community.lexicon.preference.ai",
        "scope": scope or {"$type": "community.lexicon.preference.ai#globalScope"},
        "preferences": {use: {"allow": allow} for use, allow in allowed.items()},
    }


def scope(name: str, **of: str) -> dict[str, str]:
    return {"$type": f"community.lexicon.preference.ai#{name}", **of}


@pytest.mark.parametrize(
    ("profile", "setting"),
    [
        ({"indexable": False}, "indexable: false"),
        ({"noindex": True}, "noindex: true"),
        ({"note": "<p>Sailor. #NoBot</p>"}, "'#NoBot'"),
        ({"note": '<a href="https://a.b/tags/nobot">#<span>nobot</span></a>'}, "#nobot"),
        ({"summary": "#noai please"}, "'summary' has '#noai'"),
        ({"labels": [LABEL]}, "!no-unauthenticated"),
        ({"labels": {"values": [LABEL]}}, "!no-unauthenticated"),
        (preference(training=False), "training: allow: false"),
        (preference(syntheticContent=False, training=True), "syntheticContent"),
        (preference(scope("collectionScope", collection="app.bsky.feed.post"), training=False), ""),
    ],
)
def test_a_profile_that_opts_out_is_refused(profile: dict[str, Any], setting: str) -> None:
    with pytest.raises(PolicyError) as caught:
        refuse_opted_out(profile, "actor.json")
    assert setting in caught.value.what
    assert caught.value.where == "actor.json"
    assert caught.value.fix


@pytest.mark.parametrize(
    "profile",
    [
        {},
        {"indexable": None, "noindex": None, "discoverable": False},
        {"indexable": True, "noindex": False, "note": "I like bots, nobot.example #nobots"},
        {"note": None, "labels": None},
        {"labels": [{"val": "spam"}, {**LABEL, "neg": True}, "text", None]},
        preference(training=True, inference=False, embedding=False),
        preference(scope("entityScope", entity="example.com"), training=False),
        preference(scope("collectionScope", collection="app.bsky.feed.like"), training=False),
        {"$type": "community.lexicon.preference.ai"},
        {"$type": "community.lexicon.preference.ai", "preferences": [1], "scope": "all"},
        {"$type": "app.bsky.actor.profile", "preferences": {"training": False}},
    ],
)
def test_what_is_not_said_is_no_opt_out(profile: dict[str, Any]) -> None:
    refuse_opted_out(profile)
