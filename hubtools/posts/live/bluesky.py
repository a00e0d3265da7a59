"""Bluesky: who an account is by its public API, and its own records from its own server.

https://docs.bsky.app/docs/api/com-atproto-identity-resolve-handle, app-bsky-actor-get-profile and
com-atproto-repo-list-records; which server that is stands in the DID document
(https://atproto.com/specs/did). `app.bsky.feed.getAuthorFeed` is not used: it mixes in the posts of
others. Records of a repository are all public.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from hubtools.core.errors import SourceError
from hubtools.posts.bluesky_records import POSTS, REPOSTS, record_post, record_repost
from hubtools.posts.handles import checked_handle
from hubtools.posts.live.address import Address, is_did
from hubtools.posts.live.client import Answer, Client
from hubtools.posts.live.guard import origin_of
from hubtools.posts.live.remote import (
    GoneError,
    Remote,
    count_of,
    records,
    refused,
    text_of,
)
from hubtools.posts.live.settings import Settings
from hubtools.posts.live.walk import Page
from hubtools.posts.optout import PREFERENCE, refuse_opted_out
from hubtools.posts.post import Account

PAGE = 100  # the most that a server gives at a time
_MOST_PREFERENCES = 10  # pages
_GONE = frozenset(
    ("AccountTakedown", "AccountDeactivated", "RepoNotFound", "RepoTakendown", "RepoDeactivated")
)
_NOBODY = ("unable to resolve handle", "profile not found", "could not find repo")


@dataclass(frozen=True, slots=True)
class _Repository:
    """An account's records on its server."""

    client: Client
    server: str
    did: str

    def page(self, collection: str, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Records, the newest first, and where the next page begins."""
        asked = {"repo": self.did, "collection": collection, "limit": str(PAGE)}
        answer = self.client.get(
            f"{self.server}/xrpc/com.atproto.repo.listRecords",
            asked if cursor is None else {**asked, "cursor": cursor},
        )
        _refuse_gone(answer, self.did)
        found = records(answer, "records")
        return found, text_of(answer.document.get("cursor")) if found else None

    def all(self, collection: str, most: int) -> Iterator[dict[str, Any]]:
        """The records of the first `most` pages."""
        cursor = None
        for _ in range(most):
            found, cursor = self.page(collection, cursor)
            yield from found
            if cursor is None:
                return


def named_servers(address: Address, settings: Settings) -> tuple[str, ...]:
    """The servers that may be on this machine because someone said so."""
    return (settings.appview, settings.directory)


def find(client: Client, address: Address, settings: Settings) -> Remote:
    """The account at `address`. Raises GoneError when there is none, PolicyError when its owner
    has opted out, SourceError for a server that answers with something else."""
    did = _did(client, address, settings.appview)
    profile = _ask(client, settings.appview, "app.bsky.actor.getProfile", {"actor": did}, address)
    refuse_opted_out(profile, f"{address}: app.bsky.actor.getProfile")
    repository = _Repository(client, _server(client, did, settings.directory), did)
    for record in repository.all(PREFERENCE, _MOST_PREFERENCES):
        value = record.get("value")
        if isinstance(value, dict):
            refuse_opted_out({"$type": PREFERENCE, **value}, f"{address}: {record.get('uri')}")
    return Remote(
        account=_account(profile, address),
        server=repository.server,
        streams={
            "posts": partial(_posts, repository),
            "reposts": partial(_reposts, repository),
        },
        other_names=(did,),
        total=count_of(profile.get("postsCount")),
    )


def _account(profile: Mapping[str, Any], address: Address) -> Account:
    """`handle.invalid` is what the network says of a handle that no longer leads to its account."""
    said = text_of(profile.get("handle"))
    handle = address.handle if said in (None, "handle.invalid") else str(said)
    return Account(
        network="bluesky",
        handle=checked_handle(handle, "bluesky", str(address), "handle"),
        name=text_of(profile.get("displayName")),
        avatar_url=text_of(profile.get("avatar")),
    )


def _did(client: Client, address: Address, appview: str) -> str:
    if is_did(address.handle):
        return address.handle
    name = "com.atproto.identity.resolveHandle"
    did = text_of(_ask(client, appview, name, {"handle": address.handle}, address).get("did"))
    if did is None or not is_did(did):
        raise SourceError("its identifier is of no kind that is known", where=address)
    return did


def _server(client: Client, did: str, directory: str) -> str:
    """The origin of the server that has an account's records."""
    if did.startswith("did:web:"):
        url = f"https://{unquote(did.removeprefix('did:web:'))}/.well-known/did.json"
    else:
        url = f"{directory}/{did}"
    answer = client.get(url)
    if answer.status in (404, 410):
        raise GoneError("no such account", where=did)
    if answer.status != 200 or not isinstance(answer.document, dict):
        raise refused(answer)
    services = answer.document.get("service")
    for service in services if isinstance(services, list) else ():
        if isinstance(service, dict) and str(service.get("id", "")).endswith("#atproto_pds"):
            return origin_of(str(service.get("serviceEndpoint")))
    raise SourceError("does not say on which server its posts are", where=url)


def _ask(
    client: Client, server: str, method: str, params: Mapping[str, str], address: Address
) -> dict[str, Any]:
    answer = client.get(f"{server}/xrpc/{method}", params)
    _refuse_gone(answer, address)
    if answer.status != 200 or not isinstance(answer.document, dict):
        raise refused(answer)
    return answer.document


def _refuse_gone(answer: Answer, who: object) -> None:
    """Raises GoneError for the ways in which this network says that there is nobody."""
    said = answer.document if isinstance(answer.document, dict) else {}
    if answer.status not in (400, 404, 410):
        return
    words = str(said.get("message", ""))
    if said.get("error") in _GONE or words.casefold().startswith(_NOBODY):
        raise GoneError(f"no such account ({words[:100]})", where=who, fix="Check the handle")


def _posts(repository: _Repository, cursor: str | None) -> Page:
    found, after = repository.page(POSTS, cursor)
    posts = (record_post(key, value, repository.did) for key, value in _keyed(found))
    return Page(tuple(posts), after)


def _reposts(repository: _Repository, cursor: str | None) -> Page:
    found, after = repository.page(REPOSTS, cursor)
    return Page(tuple(record_repost(key, value) for key, value in _keyed(found)), after)


def _keyed(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record's key, the last part of its address, and what it says."""
    for record in found:
        uri, value = text_of(record.get("uri")), record.get("value")
        if uri is not None and isinstance(value, dict):
            yield uri.rpartition("/")[2], value
