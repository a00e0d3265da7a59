from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubtools.cards.card import CardAccount
from hubtools.core.config import Config, ConsentConfig, Project
from hubtools.core.errors import ConfigError, PolicyError, SourceError
from hubtools.posts.deny_list import refuse_denied, refuse_denied_sources
from hubtools.posts.post import Account, Network
from tests.posts.conftest import Golden

Denying = Callable[[str], Project]


@pytest.fixture
def denying(tmp_path: Path) -> Denying:
    def project(lines: str) -> Project:
        (tmp_path / "deny.txt").write_text(lines, encoding="utf-8")
        return Project(tmp_path, Config(consent=ConsentConfig(deny="deny.txt")))

    return project


@pytest.mark.parametrize(
    ("line", "network", "handle"),
    [
        ("x:FogWatch", "x", "fogwatch"),
        ("twitter:@fogwatch", "x", "FogWatch"),
        ("  X : @fogwatch   # asked us", "x", "fogwatch"),
        ("mastodon:@Gull@Sea.example", "mastodon", "gull@sea.example"),
        ("bluesky:tern.bsky.social", "bluesky", "Tern.bsky.social"),
        ("bluesky:did:plc:abcdefghijklmnopqrstuvwx", "bluesky", "did:plc:abcdefghijklmnopqrstuvwx"),
        ("\ufeffx:fogwatch", "x", "fogwatch"),
        ("x:fogwatch", "file", "fogwatch"),
    ],
)
def test_an_account_on_the_list_is_refused(
    denying: Denying, line: str, network: Network, handle: str
) -> None:
    with pytest.raises(PolicyError) as caught:
        refuse_denied([Account(network, handle)], denying(f"{line}\n"))
    assert str(caught.value.where).endswith("deny.txt")
    assert f"@{handle}" in caught.value.what


def test_others_pass(denying: Denying) -> None:
    project = denying("# nobody\n\nx:fogwatch\nmastodon:gull@sea.example\n")
    others = [
        Account("mastodon", "fogwatch@sea.example"),
        Account("mastodon", "gull@shore.example"),
        Account("x", "gull"),
        Account("x", None),
    ]
    refuse_denied(others, project)


def test_a_card_that_does_not_say_the_network_is_refused_for_any(denying: Denying) -> None:
    with pytest.raises(PolicyError):
        refuse_denied([CardAccount(handle="fogwatch")], denying("x:fogwatch\n"))


@pytest.mark.parametrize("line", ["fogwatch", "x:", "x:@", "twiter:fogwatch", "mastodon:gull"])
def test_a_line_that_could_never_match_is_a_mistake(
    denying: Denying, line: str, golden: Golden
) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_denied([], denying(f"# people\n{line}\n"))
    assert str(caught.value.where).endswith("deny.txt:2")
    golden(caught.value)


def test_a_list_that_is_missing_is_an_error(denying: Denying, tmp_path: Path) -> None:
    project = denying("")
    (tmp_path / "deny.txt").unlink()
    with pytest.raises(ConfigError) as caught:
        refuse_denied([], project)
    assert caught.value.where == str(tmp_path / "deny.txt")


def test_live_addresses_are_refused_by_what_they_say(denying: Denying) -> None:
    project = denying("mastodon:gull@sea.example\n")
    refuse_denied_sources(["posts.csv", "bluesky:tern.bsky.social"], project)
    with pytest.raises(PolicyError):
        refuse_denied_sources(["posts.csv", "mastodon:@Gull@SEA.example"], project)
    with pytest.raises(SourceError) as caught:
        refuse_denied_sources(["mastodon:gull"], project)
    assert caught.value.where == "mastodon:gull"
