"""An account on Bluesky: its profile from the public API, its records from its own server.

https://docs.bsky.app/docs/api/com-atproto-identity-resolve-handle, app-bsky-actor-get-profile and
com-atproto-repo-list-records. The DID document (https://atproto.com/specs/did) names the server.
`app.bsky.feed.getAuthorFeed` is not used, because it includes the posts of others. All records of a
repository are public.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from hubtools.core.errors import SourceError
from hubtools.posts.formats.bluesky_records import POSTS, REPOSTS, record_post, record_repost
from hubtools.posts.formats.handles import checked_handle
from hubtools.posts.formats.values import count, mapping, objects, text_or_none
from hubtools.posts.live.address import HOST, AccountAddress, match_handle
from hubtools.posts.live.client import LiveClient
from hubtools.posts.live.guard import origin_of
from hubtools.posts.live.http import HttpResponse
from hubtools.posts.live.read import read_account
from hubtools.posts.live.remote_account import GoneError, RemoteAccount, object_of, objects_of
from hubtools.posts.live.settings import LiveReading, LiveSettings
from hubtools.posts.live.walk import PostPage
from hubtools.posts.optout import PREFERENCE, refuse_opted_out
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.source import LiveSource

PAGE_SIZE = 100  # the most that a server returns at a time
_PREFERENCE_PAGES = 10
_DID = re.compile(r"did:plc:[a-z2-7]{24}|did:web:[A-Za-z0-9.-]+(?:%3A\d{1,5})?")
_HANDLE = re.compile(rf"(?P<did>{_DID.pattern})|@?(?P<handle>(?=[^.]*\.)(?i:{HOST}))")
_GONE = frozenset(
    ("AccountTakedown", "AccountDeactivated", "RepoNotFound", "RepoTakendown", "RepoDeactivated")
)
_NO_ACCOUNT = ("unable to resolve handle", "profile not found", "could not find repo")


@dataclass(frozen=True, slots=True)
class _Repository:
    client: LiveClient
    server: str
    did: str

    def page(self, collection: str, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Records, newest first, and where the next page begins."""
        params = {"repo": self.did, "collection": collection, "limit": str(PAGE_SIZE)}
        response = self.client.get(
            f"{self.server}/xrpc/com.atproto.repo.listRecords",
            params if cursor is None else {**params, "cursor": cursor},
        )
        _refuse_gone(response, self.did)
        found = objects_of(response, "records")
        return found, text_or_none(response.document.get("cursor")) if found else None

    def posts(self, cursor: str | None) -> PostPage:
        found, after = self.page(POSTS, cursor)
        return PostPage(tuple(record_post(*keyed, self.did) for keyed in _keyed(found)), after)

    def reposts(self, cursor: str | None) -> PostPage:
        found, after = self.page(REPOSTS, cursor)
        return PostPage(tuple(record_repost(*keyed) for keyed in _keyed(found)), after)

    def first_pages(self, collection: str, pages: int) -> Iterator[dict[str, Any]]:
        cursor = None
        for _ in range(pages):
            found, cursor = self.page(collection, cursor)
            yield from found
            if cursor is None:
                return


def parse(source: str) -> AccountAddress:
    """`bluesky:HANDLE` or `bluesky:DID` as an address. Raises SourceError for an invalid one."""
    found = match_handle(source, _HANDLE, "bluesky:name.bsky.social")
    return AccountAddress("bluesky", found["did"] or found["handle"].lower())


def read(address: AccountAddress, reading: LiveReading) -> AccountPosts:
    """The public posts of an account; see `read_account`."""
    settings = reading.settings
    lookup = partial(find, address=address, settings=settings)
    return read_account(address, reading, lookup, (settings.appview, settings.directory))


def find(client: LiveClient, address: AccountAddress, settings: LiveSettings) -> RemoteAccount:
    """The account at `address`.

    Raises GoneError if there is none, PolicyError if its owner has opted out, SourceError for an
    unusable response.
    """
    did = _did(client, address, settings.appview)
    method = "app.bsky.actor.getProfile"
    profile = _call(client, settings.appview, method, {"actor": did}, address)
    refuse_opted_out(profile, f"{address}: {method}")
    repository = _Repository(client, _server(client, did, settings.directory), did)
    for record in repository.first_pages(PREFERENCE, _PREFERENCE_PAGES):
        value = record.get("value")
        if isinstance(value, dict):
            refuse_opted_out({"$type": PREFERENCE, **value}, f"{address}: {record.get('uri')}")
    return RemoteAccount(
        account=_account(profile, address),
        server=repository.server,
        lists={"posts": repository.posts, "reposts": repository.reposts},
        other_names=(did,),
        total=count(profile.get("postsCount")),
    )


def _account(profile: Mapping[str, Any], address: AccountAddress) -> Account:
    """The network reports a handle that no longer resolves to its account as `handle.invalid`."""
    reported = text_or_none(profile.get("handle"))
    handle = address.handle if reported in (None, "handle.invalid") else str(reported)
    return Account(
        network="bluesky",
        handle=checked_handle(handle, "bluesky", str(address), "handle"),
        name=text_or_none(profile.get("displayName")),
        avatar_url=text_or_none(profile.get("avatar")),
    )


def _did(client: LiveClient, address: AccountAddress, appview: str) -> str:
    if _DID.fullmatch(address.handle):
        return address.handle
    method = "com.atproto.identity.resolveHandle"
    found = _call(client, appview, method, {"handle": address.handle}, address)
    did = text_or_none(found.get("did"))
    if did is None or not _DID.fullmatch(did):
        raise SourceError("has an unknown kind of DID", where=address, fix="Check the handle")
    return did


def _server(client: LiveClient, did: str, directory: str) -> str:
    if did.startswith("did:web:"):
        url = f"https://{unquote(did.removeprefix('did:web:'))}/.well-known/did.json"
    else:
        url = f"{directory}/{did}"
    response = client.get(url)
    if response.status in (404, 410):
        raise GoneError("no such account", where=did, fix="Check the handle")
    for service in objects(object_of(response).get("service")):
        if str(service.get("id", "")).endswith("#atproto_pds"):
            return origin_of(str(service.get("serviceEndpoint")))
    raise SourceError("does not name the server of its posts", where=url, fix="Check the handle")


def _call(
    client: LiveClient, server: str, method: str, params: Mapping[str, str], address: AccountAddress
) -> dict[str, Any]:
    response = client.get(f"{server}/xrpc/{method}", params)
    _refuse_gone(response, address)
    return object_of(response)


def _refuse_gone(response: HttpResponse, who: object) -> None:
    if response.status not in (400, 404, 410):
        return
    document = mapping(response.document)
    words = str(document.get("message", ""))
    if document.get("error") in _GONE or words.casefold().startswith(_NO_ACCOUNT):
        raise GoneError(f"no such account ({words[:100]})", where=who, fix="Check the handle")


def _keyed(found: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each record's key, which is the last part of its address, and its value."""
    for record in found:
        uri, value = text_or_none(record.get("uri")), record.get("value")
        if uri is not None and isinstance(value, dict):
            yield uri.rpartition("/")[2], value


SOURCE = LiveSource(
    name="bluesky",
    description="an account on Bluesky (bluesky:handle)",
    prefix="bluesky:",
    parse=parse,
    read=read,
)
