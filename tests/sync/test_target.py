"""What `--to` may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubtools.core.errors import UsageError
from hubtools.sync.target import connect, parse_target


def test_a_folder_is_looked_for_where_it_was_said(tmp_path: Path) -> None:
    assert parse_target("local:hub", tmp_path).place == str(tmp_path / "hub")
    assert parse_target("local:/srv/hub", tmp_path).place == "/srv/hub"


def test_pages_and_files() -> None:
    local, public = parse_target("local:hub", Path()), parse_target("hf", Path())
    assert local.files_url is None
    assert local.page("me/a") == "http://127.0.0.1:7878/me/a"
    assert public.files_url == "https://huggingface.co"
    assert public.page("acme/a") == "https://huggingface.co/acme/a"
    assert parse_target("https://hub.example/", Path()).page("a/b") == "https://hub.example/a/b"


@pytest.mark.parametrize("to", ["", "local:", "hub", "ftp://hub.example", "https://", "HF"])
def test_what_is_no_target(to: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_target(to, Path())
    assert caught.value.where == "--to"
    assert caught.value.fix is not None


def test_a_token_is_not_sent_in_the_clear() -> None:
    with pytest.raises(UsageError, match=r"Use https://hub\.example"):
        parse_target("http://hub.example", Path())
    with pytest.raises(UsageError, match="HF_TOKEN") as caught:
        parse_target("https://ada:secret@hub.example", Path())
    assert "secret" not in str(caught.value)
    assert parse_target("http://127.0.0.1:7878", Path()).kind == "url"


def test_a_local_hub_never_sees_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "not-for-you")
    with connect(parse_target(f"local:{tmp_path}/hub", tmp_path)) as api:
        assert "authorization" not in api._build_hf_headers()
