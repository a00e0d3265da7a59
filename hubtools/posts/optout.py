"""Opt-outs on networks: accounts whose owners do not want machines to learn from their posts.

They apply to archives as well as to live accounts, and to the owner's own export too, because
nothing in a file says who runs the command. Owners who change their mind change the setting on the
network and export again.

Known opt-outs: Mastodon's `indexable` and `noindex`
(https://docs.joinmastodon.org/entities/Account/) and the hashtags `#nobot`, `#noai` and
`#noindex` in a profile's note; Bluesky's label `!no-unauthenticated`
(https://docs.bsky.app/docs/advanced-guides/moderation) and the record
`community.lexicon.preference.ai` (https://lexicon.community), whose `training` and
`syntheticContent` cover what hubtools does. A missing setting is not an opt-out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from hubtools.core.errors import PolicyError

PREFERENCE = "community.lexicon.preference.ai"
LOGGED_IN_ONLY = "!no-unauthenticated"
_USES = ("training", "syntheticContent")
_POSTS = "app.bsky.feed.post"
_TAG = re.compile(r"(?<![\w#&/])#\s*(?:<[^<>]*>)*(no(?:bot|ai|index))\b", re.IGNORECASE)


def refuse_opted_out(profile: Mapping[str, Any], where: object = None) -> None:
    """Raises PolicyError if `profile` has an opt-out.

    `profile` is an account of Mastodon's API, an `actor.json`, a profile from Bluesky's API or a
    repository, or a record of `community.lexicon.preference.ai`; `where` is where it was found.
    Anything else passes.
    """
    is_preference = PREFERENCE in (profile.get("$type"), profile.get("py_type"))
    for setting, fix in chain(
        _mastodon(profile),
        _labels(profile.get("labels")),
        _preferences(profile) if is_preference else (),
    ):
        raise PolicyError(f"the owner has opted out: {setting}", where=where, fix=fix)


def _mastodon(profile: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    fix = (
        "Leave this account out; its owner can allow it under Preferences, "
        "Privacy and reach, and export again"
    )
    if profile.get("indexable") is False or profile.get("toot:indexable") is False:
        yield "the profile has 'indexable: false'", fix
    if profile.get("noindex") is True:
        yield "the profile has 'noindex: true'", fix
    for field in ("note", "summary"):
        note = profile.get(field)
        tag = _TAG.search(note) if isinstance(note, str) else None
        if tag is not None:
            yield f"the profile's '{field}' has '#{tag[1]}'", "Leave this account out"


def _labels(labels: object) -> Iterator[tuple[str, str]]:
    """Labels of a profile view (a list) or of a profile record (`{"values": […]}`)."""
    if isinstance(labels, Mapping):
        labels = labels.get("values")
    for label in labels if isinstance(labels, list | tuple) else ():
        if isinstance(label, Mapping) and label.get("val") == LOGGED_IN_ONLY:
            if label.get("neg") is True:
                continue
            yield (
                f"the profile has the label '{LOGGED_IN_ONLY}'",
                "Leave this account out; its owner can allow it under LiveSettings, "
                "Privacy and security, Logged-out visibility",
            )


def _preferences(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Preferences for everyone and for posts; those for one other project do not apply to us."""
    scope = record.get("scope")
    if isinstance(scope, Mapping):
        if str(scope.get("$type", "")).endswith("#entityScope") or "entity" in scope:
            return
        if scope.get("collection", _POSTS) != _POSTS:
            return
    preferences = record.get("preferences")
    for use in _USES if isinstance(preferences, Mapping) else ():
        value = preferences.get(use) if isinstance(preferences, Mapping) else None
        if value is False or (isinstance(value, Mapping) and value.get("allow") is False):
            yield (
                f"the record {PREFERENCE} has '{use}: allow: false'",
                "Leave this account out; its owner can change that record",
            )
