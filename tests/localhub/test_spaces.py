"""The files of Spaces, through the unmodified huggingface_hub client and on a page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

from hubtools.localhub.access import Access
from hubtools.localhub.server import serving

SPACE = "acme/demo"
TOKEN = "hub-token-for-tests"
SIGNED = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def api(root: Path) -> Iterator[HfApi]:
    with serving(root, access=Access("me", ("acme",), TOKEN)) as url:
        yield HfApi(url, token=TOKEN)


@pytest.fixture
def space(api: HfApi) -> str:
    made = api.create_repo(SPACE, repo_type="space", space_sdk="gradio")
    assert (made.repo_id, made.repo_type) == (SPACE, "space")
    return SPACE


def put(api: HfApi, space: str, path: str, data: bytes, **more: str) -> str:
    done = api.upload_file(
        path_or_fileobj=data, path_in_repo=path, repo_id=space, repo_type="space", **more
    )
    return str(done.oid)


def test_a_space_begins_as_the_hub_makes_it(api: HfApi, space: str) -> None:
    info = api.space_info(space)
    assert (info.id, info.author, info.sdk, info.private) == (SPACE, "acme", "gradio", False)
    assert api.list_repo_files(space, repo_type="space") == [".gitattributes", "README.md"]
    (first,) = api.list_repo_commits(space, repo_type="space")
    assert first.title == "initial commit"
    assert api.create_repo(SPACE, repo_type="space", space_sdk="gradio", exist_ok=True) == (
        f"{api.endpoint}/spaces/{SPACE}"
    )
    body = {"name": "other", "type": "space"}
    refused = httpx2.post(f"{api.endpoint}/api/repos/create", json=body, headers=SIGNED)
    assert refused.status_code == 400 and "SDK" in refused.json()["error"]


def test_its_files_are_committed_read_and_guarded(api: HfApi, space: str, tmp_path: Path) -> None:
    first = put(api, space, "app.py", b"print('a')\n")
    put(api, space, "picture.bin", bytes(range(256)), parent_commit=first)
    with pytest.raises(HfHubHTTPError) as caught:
        put(api, space, "app.py", b"print('b')\n", parent_commit=first)
    assert caught.value.response.status_code == 412
    for path, data in (("app.py", b"print('a')\n"), ("picture.bin", bytes(range(256)))):
        file = api.hf_hub_download(space, path, repo_type="space", cache_dir=tmp_path)
        assert Path(file).read_bytes() == data


def test_a_space_and_a_model_of_one_name_are_two(api: HfApi, space: str) -> None:
    api.create_repo(SPACE)
    put(api, space, "app.py", b"pass\n")
    assert [model.id for model in api.list_models()] == [SPACE]
    assert [found.id for found in api.list_spaces(author="acme")] == [SPACE]
    assert [found.id for found in api.list_spaces(author="me")] == []
    assert api.list_repo_files(SPACE) == [".gitattributes"]
    api.delete_repo(SPACE)
    assert api.file_exists(SPACE, "app.py", repo_type="space")
    with pytest.raises(RepositoryNotFoundError):
        api.model_info(SPACE)


def test_it_moves_becomes_private_and_goes(api: HfApi, space: str) -> None:
    api.move_repo(space, "acme/other", repo_type="space")
    assert api.space_info(space).id == "acme/other"
    api.update_repo_settings("acme/other", private=True, repo_type="space")
    assert api.space_info("acme/other").private
    api.delete_repo("acme/other", repo_type="space")
    assert not api.repo_exists("acme/other", repo_type="space")


def test_only_who_may_write_there_makes_one(api: HfApi) -> None:
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_repo("strangers/demo", repo_type="space", space_sdk="gradio")
    assert caught.value.response.status_code == 403


def test_a_browser_is_shown_its_files(api: HfApi, space: str) -> None:
    put(api, space, "app.py", b"print('a')\n")
    browser = httpx2.Client(base_url=str(api.endpoint), headers={"accept": "text/html"})
    page = browser.get(f"/spaces/{SPACE}").text
    assert 'id="prompting-title"' not in page and "Model card" not in page
    assert f'href="/spaces/{SPACE}/tree/main"' in page and 'href="/spaces/acme"' not in page
    assert "app.py" in browser.get(f"/spaces/{SPACE}/tree/main").text
    assert "print" in browser.get(f"/spaces/{SPACE}/blob/main/app.py").text
    assert browser.get(f"/{SPACE}").status_code == 404
