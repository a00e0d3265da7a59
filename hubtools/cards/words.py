"""What a network calls its posts, and how a card lists its accounts."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from hubtools.cards.model import Card, CardAccount


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one network, or plain ones where several meet."""

    post: str
    posts: str
    reposts: str


_PLAIN = Words("post", "posts", "reposts")
_BY_NETWORK = {
    "x": Words("tweet", "tweets", "retweets"),
    "mastodon": Words("post", "posts", "boosts"),
    "bluesky": _PLAIN,
    "file": _PLAIN,
}


def words_of(card: Card) -> Words:
    """The words that fit all accounts of the card."""
    networks = {account.network for account in card.accounts}
    (only,) = networks if len(networks) == 1 else (None,)
    return _BY_NETWORK[only] if only else _PLAIN


def profile_url(account: CardAccount) -> str | None:
    """The public page of an account, where its network has one for its handle."""
    handle = account.handle
    if not handle:
        return None
    if account.network == "x":
        return f"https://x.com/{quote(handle, safe='')}"
    if account.network == "bluesky":
        return f"https://bsky.app/profile/{quote(handle, safe='')}"
    if account.network == "mastodon" and "@" in handle:
        user, host = handle.split("@", 1)
        return f"https://{host}/@{quote(user, safe='')}"
    return None


def people(card: Card) -> str:
    """The accounts in a sentence: names where they are known, else handles, at most six of them."""
    known = [a.name or f"@{a.handle}" for a in card.accounts if a.name or a.handle]
    if not known:
        return "an account that this card does not name"
    if len(known) > 6:
        return f"{len(known)} accounts"
    return known[0] if len(known) == 1 else f"{', '.join(known[:-1])} and {known[-1]}"


def label(account: CardAccount, position: int) -> str:
    """What stands above the account's column of a table."""
    return account.name or (f"@{account.handle}" if account.handle else f"Account {position}")
