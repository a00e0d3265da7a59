"""Mastodon's API, and that of the servers which speak it (GoToSocial, Pleroma and others).

https://docs.joinmastodon.org/methods/accounts/ (lookup, statuses), /entities/Status/ and
/entities/Account/. Only statuses with the visibility "public" are read: without a token a server
gives out unlisted ones as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from hubtools.posts.characters import language_code, sound
from hubtools.posts.dates import parse_date
from hubtools.posts.handles import checked_handle
from hubtools.posts.live.address import Address
from hubtools.posts.live.client import Answer, Client
from hubtools.posts.live.guard import is_loopback, origin_of
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
from hubtools.posts.optout import refuse_opted_out
from hubtools.posts.post import Account, Post
from hubtools.posts.statustext import html_to_text

PAGE = 40  # the most that a server gives at a time


def named_servers(address: Address, settings: Settings) -> tuple[str, ...]:
    """The servers that may be on this machine because someone said so."""
    if settings.mastodon is not None:
        return (settings.mastodon,)
    base = _base(address.host)
    return (base,) if base.startswith("http:") else ()


def find(client: Client, address: Address, settings: Settings) -> Remote:
    """The account at `address`. Raises GoneError when there is none, PolicyError when its owner
    has opted out, SourceError for a server that does not speak this API or shows nothing."""
    base = settings.mastodon or _base(address.host)
    answer = _lookup(client, base, address)
    if answer is None and (other := _web_server(client, base, address)):
        base, answer = other, _lookup(client, other, address)
    if answer is None:
        raise GoneError("no such account", where=address, fix="Check the name and the server")
    return _remote(client, base, address, answer)


def _remote(client: Client, base: str, address: Address, answer: Answer) -> Remote:
    found: dict[str, Any] = answer.document
    number = text_of(found.get("id"))
    if number is None:
        raise refused(answer)
    if found.get("suspended") is True:
        raise GoneError("this account is suspended", where=address)
    refuse_opted_out(found, f"{address}: {base}/@{address.user}")
    handle = f"{text_of(found.get('username')) or address.user}@{address.host}"
    account = Account(
        network="mastodon",
        handle=checked_handle(handle, "mastodon", answer.url, "username"),
        name=text_of(found.get("display_name")),
        avatar_url=text_of(found.get("avatar")),
    )
    moved = found.get("moved")
    notes = (f"{address} has moved; only posts from before are here.",) if moved else ()
    statuses = f"{base}/api/v1/accounts/{quote(number, safe='')}/statuses"
    return Remote(
        account=account,
        server=base,
        streams={"statuses": partial(_page, client, statuses, number)},
        total=count_of(found.get("statuses_count")),
        notes=notes,
    )


def _base(host: str) -> str:
    scheme = "http" if is_loopback(host.partition(":")[0]) else "https"
    return f"{scheme}://{host}"


def _lookup(client: Client, base: str, address: Address) -> Answer | None:
    """The server's account of that name; None when it has none, or no such API."""
    answer = client.get(f"{base}/api/v1/accounts/lookup", {"acct": address.user})
    if answer.status in (404, 410) or (answer.status == 200 and answer.document is None):
        return None
    if answer.status != 200 or not isinstance(answer.document, dict):
        raise refused(answer)
    return answer


def _web_server(client: Client, base: str, address: Address) -> str | None:
    """Where a handle's server really is, when that is another host (RFC 7033, WebFinger)."""
    subject = {"resource": f"acct:{address.handle}"}
    answer = client.get(f"{base}/.well-known/webfinger", subject)
    links = answer.document.get("links") if isinstance(answer.document, dict) else None
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("rel") == "self" and text_of(link.get("href")):
            found = origin_of(link["href"])
            return None if found == base else found
    return None


def _page(client: Client, url: str, account: str, cursor: str | None) -> Page:
    params = {"limit": str(PAGE), "exclude_reblogs": "false"}
    answer = client.get(url, params if cursor is None else {**params, "max_id": cursor})
    statuses = records(answer, "")
    public = [status for status in statuses if _is_public(status, account)]
    return Page(
        posts=tuple(post for status in public if (post := _post(status)) is not None),
        next=_next(answer.headers.get("link"), statuses),
        left_out=len(public) < len(statuses),
    )


def _next(link: str | None, statuses: list[dict[str, Any]]) -> str | None:
    """The `max_id` of the next page: a server's own link to it may name another host or scheme.

    Without a `Link` header, the id of the last status, until a page is empty.
    """
    if link is None:
        return text_of(statuses[-1].get("id")) if statuses else None
    for part in link.split(","):
        target, _, parameters = part.strip().partition(">")
        if 'rel="next"' in parameters.replace(" ", "").replace("'", '"'):
            return parse_qs(urlsplit(target.removeprefix("<")).query).get("max_id", [None])[-1]
    return None


def _is_public(status: Mapping[str, Any], account: str) -> bool:
    author = status.get("account")
    own = not isinstance(author, Mapping) or str(author.get("id", account)) == account
    return own and status.get("visibility") == "public" and status.get("local_only") is not True


def _post(status: Mapping[str, Any]) -> Post | None:
    """None for a status without an id. Of a reblog, others' words are not taken."""
    number = text_of(status.get("id"))
    if number is None:
        return None
    content, reblog = status.get("content"), status.get("reblog") is not None
    return Post(
        id=number,
        text="" if reblog or not isinstance(content, str) else sound(html_to_text(content)),
        created=parse_date(status.get("created_at")),
        repost=reblog,
        language=language_code(status.get("language")),
        reply_to=text_of(status.get("in_reply_to_id")),
    )
