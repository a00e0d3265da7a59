"""What a network calls its posts, and how a card lists its accounts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from hubtools.cards.card import Card, CardAccount, Network
from hubtools.cards.escape import isolated

_MASTODON = re.compile(r"[\w.-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+")


@dataclass(frozen=True, slots=True)
class NetworkTerms:
    """The terms of one network, or neutral ones for several."""

    post: str
    posts: str
    reposts: str


_PLAIN = NetworkTerms("post", "posts", "reposts")
_BY_NETWORK: dict[Network, NetworkTerms] = {
    "x": NetworkTerms("tweet", "tweets", "retweets"),
    "mastodon": NetworkTerms("post", "posts", "boosts"),
    "bluesky": _PLAIN,
    "file": _PLAIN,
}


def terms_of(card: Card) -> NetworkTerms:
    """The terms that fit all accounts of the card."""
    return _BY_NETWORK[_network(card) or "file"]


def _network(card: Card) -> Network | None:
    """The network of all accounts; None where they differ."""
    networks = {account.network for account in card.accounts}
    return networks.pop() if len(networks) == 1 else None


def profile_url(account: CardAccount) -> str | None:
    """The address of an account's public page; None where the network has none for its handle."""
    handle = account.handle
    if not handle:
        return None
    if account.network == "x":
        return f"https://x.com/{quote(handle, safe='')}"
    if account.network == "bluesky":
        return f"https://bsky.app/profile/{quote(handle, safe='')}"
    if account.network == "mastodon" and _MASTODON.fullmatch(handle):
        user, _, host = handle.partition("@")
        return f"https://{host}/@{quote(user, safe='')}"
    return None


def handles(card: Card) -> list[tuple[str, str | None]]:
    """Every handle of the card with its page's address, unassigned handles last."""
    shown = [(a.handle, profile_url(a)) for a in card.accounts if a.handle]
    others = [CardAccount(handle=handle, network=_network(card)) for handle in card.handles]
    return shown + [(a.handle, profile_url(a)) for a in others if a.handle]


def people(card: Card) -> Markup:
    """The accounts in a sentence: up to six names, or handles where names are unknown."""
    known = [a.name or f"@{a.handle}" for a in card.accounts if a.name or a.handle]
    known = known or [f"@{handle}" for handle in card.handles]
    if not known:
        return Markup("an account that this card does not name")
    if len(known) > 6:
        return Markup(f"{len(known)} accounts")
    shown = [isolated(name) for name in known]
    before = Markup(", ").join(shown[:-1])
    return before + Markup(" and ") + shown[-1] if before else shown[0]


def label(account: CardAccount, position: int) -> Markup:
    """The header of the account's column or row in a table."""
    text = account.name or (f"@{account.handle}" if account.handle else f"Account {position}")
    return isolated(text)
