"""Predictions to share: pages, pictures, and links that cannot be forged."""

from __future__ import annotations

import re
import stat
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.core.results import Prediction
from hubtools.localhub import share_links
from hubtools.localhub.share_links import NoPredictionError
from hubtools.localhub.store import Store
from hubtools.localhub.types import Repo, RepoCard, RepoId
from tests.cards.samples import HARBOUR
from tests.localhub.models import put_model

REPO = Repo(7, RepoId("me", "m"), False, None, "", "", "", 1, RepoCard(), False)
KEY = b"k" * 32


@given(st.text(max_size=600), st.text(max_size=600))
def test_a_link_carries_its_prediction(prompt: str, text: str) -> None:
    prediction = Prediction(prompt=prompt, text=text)
    signed = share_links.sign(KEY, REPO, prediction)
    assert re.fullmatch(r"[\w-]+", signed)
    assert share_links.read_signed(KEY, REPO, signed) == prediction


def test_nobody_else_can_make_one() -> None:
    signed = share_links.sign(KEY, REPO, Prediction(prompt="a", text="a b"))
    changed = signed[:-2] + ("AA" if signed[-2:] != "AA" else "BB")
    for key, repo, text in (
        (b"x" * 32, REPO, signed),
        (KEY, replace(REPO, key=8), signed),
        (KEY, REPO, changed),
        (KEY, REPO, ""),
        (KEY, REPO, "ä%"),
        (KEY, REPO, "A" * 5000),
    ):
        with pytest.raises(NoPredictionError):
            share_links.read_signed(key, repo, text)


def test_the_key_stays_and_is_only_the_owners(tmp_path: Path) -> None:
    key = share_links.share_key(tmp_path)
    assert len(key) == 32 and share_links.share_key(tmp_path) == key
    (file,) = tmp_path.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_page_to_share_has_what_previews_need(url: str, store: Store) -> None:
    put_model(store, "quay/log")
    page = httpx2.get(f"{url}/quay/log/share/2").text
    meta = dict(re.findall(r'<meta property="og:([\w:]+)" content="([^"]*)">', page))
    assert "quay/log" in meta["title"]
    assert meta["description"] == HARBOUR.predictions[1].text
    assert meta["image"] == f"{url}/quay/log/share/2.png"
    assert meta["url"] == f"{url}/quay/log/share/2" and meta["type"] == "article"
    assert (meta["image:width"], meta["image:height"]) == ("1200", "628")
    picture = httpx2.get(meta["image"])
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture.content[16:20], "big") == 1200
    card = httpx2.get(f"{url}/quay/log").text
    assert f'<meta property="og:url" content="{url}/quay/log">' in card
    assert (
        f'<meta property="og:image" content="{url}/quay/log/resolve/main/predictions.png">' in card
    )


def test_a_prediction_that_was_never_made_has_no_page(url: str, store: Store) -> None:
    put_model(store, "quay/log")
    for key in ("0", "3", "999", "1234", "x", "²", "AAAA"):
        assert httpx2.get(f"{url}/quay/log/share/{key}").status_code == 404, key
        assert httpx2.get(f"{url}/quay/log/share/{key}.png").status_code == 404, key


def test_a_new_prediction_has_a_page_while_its_model_is_there(
    url: str, store: Store, hub_root: Path
) -> None:
    put_model(store, "quay/log")
    with store.snapshot() as snapshot:
        repo = snapshot.repo(RepoId("quay", "log"))
    text = "<b>Fog</b> & rope\nand {{ 7 * 7 }}"
    prediction = Prediction(prompt="<b>Fog</b>", text=text)
    key = share_links.sign(share_links.share_key(hub_root), repo, prediction)
    page = httpx2.get(f"{url}/quay/log/share/{key}")
    assert "<b>&lt;b&gt;Fog&lt;/b&gt;</b> &amp; rope" in page.text and "49" not in page.text
    assert httpx2.get(f"{url}/quay/log/share/{key}.png").is_success
    store.delete(RepoId("quay", "log"))
    assert httpx2.get(f"{url}/quay/log/share/{key}").status_code == 404
