"""An account on Mastodon, or on a server with its API (GoToSocial, Pleroma and others).

https://docs.joinmastodon.org/methods/accounts/ (lookup, statuses), /entities/Status/ and
/entities/Account/. Only statuses with the visibility "public" are read: without a token, a server
returns unlisted ones as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from hubtools.posts.formats.handles import checked_handle
from hubtools.posts.formats.mastodon_status import status_post
from hubtools.posts.formats.values import count, mapping, objects, text_or_none
from hubtools.posts.live.address import HOST, AccountAddress, match_handle
from hubtools.posts.live.client import LiveClient
from hubtools.posts.live.guard import is_loopback, origin_of
from hubtools.posts.live.http import HttpResponse
from hubtools.posts.live.read import read_account
from hubtools.posts.live.remote_account import (
    GoneError,
    RemoteAccount,
    object_of,
    objects_of,
    unusable,
)
from hubtools.posts.live.settings import LiveReading, LiveSettings
from hubtools.posts.live.walk import PostPage
from hubtools.posts.optout import refuse_opted_out
from hubtools.posts.post import Account, AccountPosts
from hubtools.posts.source import LiveSource

PAGE_SIZE = 40  # the most that a server returns at a time
_HANDLE = re.compile(rf"@?([\w.-]+)@({HOST}(?::\d{{1,5}})?)", re.IGNORECASE)


def parse(source: str) -> AccountAddress:
    """`mastodon:user@host` as an address. Raises SourceError for an invalid one."""
    found = match_handle(source, _HANDLE, "mastodon:user@server")
    return AccountAddress("mastodon", f"{found[1]}@{found[2].lower()}")


def read(address: AccountAddress, reading: LiveReading) -> AccountPosts:
    """The public posts of an account; see `read_account`."""
    base = _base(address, reading.settings)
    trusted = (base,) if reading.settings.mastodon or base.startswith("http:") else ()
    return read_account(address, reading, partial(find, base=base, address=address), trusted)


def find(client: LiveClient, base: str, address: AccountAddress) -> RemoteAccount:
    """The account at `address`, looked up on the server `base`.

    Raises GoneError if there is none, PolicyError if its owner has opted out, SourceError for a
    server without this API or without public access.
    """
    response = _lookup(client, base, address)
    if response is None and (other := _web_server(client, base, address)):
        base, response = other, _lookup(client, other, address)
    if response is None:
        raise GoneError("no such account", where=address, fix="Check the name and the server")
    return _remote(client, base, address, response)


def _remote(
    client: LiveClient, base: str, address: AccountAddress, response: HttpResponse
) -> RemoteAccount:
    found = object_of(response)
    number = text_or_none(found.get("id"))
    if number is None:
        raise unusable(response)
    if found.get("suspended") is True:
        raise GoneError("is suspended", where=address, fix="Choose another account")
    user, _, host = address.handle.partition("@")
    refuse_opted_out(found, f"{address}: {base}/@{user}")
    handle = f"{text_or_none(found.get('username')) or user}@{host}"
    account = Account(
        network="mastodon",
        handle=checked_handle(handle, "mastodon", response.url, "username"),
        name=text_or_none(found.get("display_name")),
        avatar_url=text_or_none(found.get("avatar")),
    )
    moved = found.get("moved")
    statuses = f"{base}/api/v1/accounts/{quote(number, safe='')}/statuses"
    return RemoteAccount(
        account=account,
        server=base,
        lists={"statuses": partial(_page, client, statuses, number)},
        total=count(found.get("statuses_count")),
        notes=(f"{address} has moved; only posts from before are here.",) if moved else (),
    )


def _base(address: AccountAddress, settings: LiveSettings) -> str:
    host = address.handle.partition("@")[2]
    scheme = "http" if is_loopback(host.partition(":")[0]) else "https"
    return settings.mastodon or f"{scheme}://{host}"


def _lookup(client: LiveClient, base: str, address: AccountAddress) -> HttpResponse | None:
    """The server's account of that name; None without one, or without this API."""
    user = address.handle.partition("@")[0]
    response = client.get(f"{base}/api/v1/accounts/lookup", {"acct": user})
    if response.status in (404, 410) or (response.status == 200 and response.document is None):
        return None
    return response


def _web_server(client: LiveClient, base: str, address: AccountAddress) -> str | None:
    """The server of a handle whose host is another one (RFC 7033, WebFinger)."""
    subject = {"resource": f"acct:{address.handle}"}
    response = client.get(f"{base}/.well-known/webfinger", subject)
    for link in objects(mapping(response.document).get("links")):
        href = text_or_none(link.get("href"))
        if link.get("rel") == "self" and href:
            found = origin_of(href)
            return None if found == base else found
    return None


def _page(client: LiveClient, url: str, account: str, cursor: str | None) -> PostPage:
    params = {"limit": str(PAGE_SIZE), "exclude_reblogs": "false"}
    response = client.get(url, params if cursor is None else {**params, "max_id": cursor})
    statuses = objects_of(response)
    public = [status for status in statuses if _is_public(status, account)]
    numbered = ((text_or_none(status.get("id")), status) for status in public)
    return PostPage(
        posts=tuple(status_post(status, number) for number, status in numbered if number),
        next=_next(response.headers.get("link"), statuses),
        left_out=len(public) < len(statuses),
    )


def _next(link: str | None, statuses: list[dict[str, Any]]) -> str | None:
    """The `max_id` of the next page; the server's own link may name another host or scheme.

    Without a `Link` header, the id of the last status, until a page is empty.
    """
    if link is None:
        return text_or_none(statuses[-1].get("id")) if statuses else None
    for part in link.split(","):
        target, _, parameters = part.strip().partition(">")
        if 'rel="next"' in parameters.replace(" ", "").replace("'", '"'):
            return parse_qs(urlsplit(target.removeprefix("<")).query).get("max_id", [None])[-1]
    return None


def _is_public(status: Mapping[str, Any], account: str) -> bool:
    author = status.get("account")
    own = not isinstance(author, Mapping) or str(author.get("id", account)) == account
    return own and status.get("visibility") == "public" and status.get("local_only") is not True


SOURCE = LiveSource(
    name="mastodon",
    description="an account on Mastodon (mastodon:user@server)",
    prefix="mastodon:",
    parse=parse,
    read=read,
)
