"""Who may read and write, and what a browser may be made to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

from hubtools.localhub.access import Access
from hubtools.localhub.server import serving

TOKEN, READ_TOKEN = "hf_localsecret", "hf_onlyreading"


@pytest.fixture
def guarded(root: Path) -> Iterator[str]:
    access = Access(user="alice", orgs=("acme",), token=TOKEN, read_token=READ_TOKEN)
    with serving(root, access=access) as endpoint:
        yield endpoint


def _status(caught: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return caught.value.response.status_code


def test_whoami(api: HfApi, guarded: str) -> None:
    assert api.whoami()["name"] == "me"
    me = HfApi(endpoint=guarded, token=TOKEN).whoami()
    assert (me["name"], [org["name"] for org in me["orgs"]]) == ("alice", ["acme"])


def test_wrong_token_is_401_on_everything(guarded: str) -> None:
    HfApi(endpoint=guarded, token=TOKEN).create_repo("acme/open")
    wrong = {"Authorization": "Bearer hf_wrong"}
    for path in ("/api/whoami-v2", "/api/models", "/api/models/acme/open", "/acme/open", "/"):
        answer = httpx2.get(guarded + path, headers=wrong)
        assert answer.status_code == 401
        assert answer.headers["X-Error-Message"] == "Invalid credentials in Authorization header"
    with pytest.raises(HfHubHTTPError) as caught:
        HfApi(endpoint=guarded, token="hf_wrong").whoami()
    assert _status(caught) == 401


def test_fleets_are_for_the_hubs_own_user(guarded: str, root: Path) -> None:
    (root / "fleets").mkdir()
    (root / "fleets" / "broken.json").write_text('{"manifest": "x"')
    token = {"Authorization": f"Bearer {TOKEN}"}
    assert "/-/fleets" not in httpx2.get(guarded).text
    assert httpx2.get(f"{guarded}/-/fleets").status_code == 401
    assert "/-/fleets" in httpx2.get(guarded, headers=token).text
    assert httpx2.get(f"{guarded}/-/fleets", headers=token).status_code == 200
    for name in ("broken", "none", "..%2Fhub", "%2e%2e"):
        answer = httpx2.get(f"{guarded}/-/fleets/{name}", headers=token)
        assert answer.status_code == 404, name


def test_without_a_token_one_may_read_what_is_public(guarded: str) -> None:
    owner, anybody = HfApi(endpoint=guarded, token=TOKEN), HfApi(endpoint=guarded, token=False)
    owner.create_repo("acme/open")
    owner.create_repo("acme/closed", private=True)
    assert [m.id for m in anybody.list_models()] == ["acme/open"]
    assert [m.id for m in owner.list_models()] == ["acme/closed", "acme/open"]
    for api, repo, status in (
        (anybody, "acme/closed", 401),
        (anybody, "acme/never", 401),
        (owner, "acme/never", 404),
    ):
        with pytest.raises(RepositoryNotFoundError) as missing:
            api.model_info(repo)
        assert _status(missing) == status
    assert "closed" not in httpx2.get(f"{guarded}/").text
    assert httpx2.get(f"{guarded}/acme/closed").status_code == 404
    assert httpx2.get(f"{guarded}/api/whoami-v2").status_code == 401
    with pytest.raises(HfHubHTTPError) as caught:
        anybody.create_repo("acme/mine")
    assert _status(caught) == 401
    assert caught.value.server_message == "Invalid username or password."


def test_a_private_repository_does_not_show_through_its_old_name(guarded: str) -> None:
    owner = HfApi(endpoint=guarded, token=TOKEN)
    owner.create_repo("acme/before", private=True)
    owner.move_repo("acme/before", "acme/after")
    answer = httpx2.get(f"{guarded}/api/models/acme/before")
    assert (answer.status_code, "after" in answer.text) == (401, False)
    assert answer.text == httpx2.get(f"{guarded}/api/models/acme/never").text


def test_a_foreign_namespace_is_403(guarded: str) -> None:
    owner = HfApi(endpoint=guarded, token=TOKEN)
    with pytest.raises(HfHubHTTPError) as caught:
        owner.create_repo("someone/model")
    assert _status(caught) == 403
    assert "'someone'" in str(caught.value)
    owner.create_repo("acme/model")
    with pytest.raises(HfHubHTTPError) as caught:
        owner.move_repo("acme/model", "someone/model")
    assert _status(caught) == 403


def test_a_token_that_may_only_read(guarded: str) -> None:
    owner, reader = HfApi(endpoint=guarded, token=TOKEN), HfApi(endpoint=guarded, token=READ_TOKEN)
    owner.create_repo("acme/closed", private=True)
    assert reader.whoami()["auth"]["accessToken"]["role"] == "read"
    assert [m.id for m in reader.list_models()] == ["acme/closed"]
    add = CommitOperationAdd("a.txt", b"a")
    for write in (
        lambda: reader.create_repo("acme/other"),
        lambda: reader.create_commit("acme/closed", [add], commit_message="x"),
        lambda: reader.update_repo_settings("acme/closed", private=False),
        lambda: reader.move_repo("acme/closed", "acme/open"),
        lambda: reader.delete_repo("acme/closed"),
    ):
        with pytest.raises(HfHubHTTPError, match="read-only") as caught:
            write()
        assert _status(caught) == 403
    info = owner.model_info("acme/closed")
    assert info.private and len(owner.list_repo_commits("acme/closed")) == 1


def test_files_of_a_gated_repository_are_for_members(guarded: str, tmp_path: Path) -> None:
    owner, anybody = HfApi(endpoint=guarded, token=TOKEN), HfApi(endpoint=guarded, token=False)
    owner.create_repo("acme/open")
    owner.update_repo_settings("acme/open", gated="auto")
    assert anybody.model_info("acme/open").gated == "auto"
    file = ("acme/open", ".gitattributes")
    assert Path(owner.hf_hub_download(*file, cache_dir=tmp_path / "owner")).is_file()
    with pytest.raises(GatedRepoError) as caught:
        anybody.hf_hub_download(*file, cache_dir=tmp_path / "anybody")
    assert _status(caught) == 401


def test_upload_with_a_token(guarded: str) -> None:
    owner = HfApi(endpoint=guarded, token=TOKEN)
    owner.create_repo("acme/model")
    owner.upload_file(path_or_fileobj=b"w", path_in_repo="model.bin", repo_id="acme/model")
    assert owner.list_repo_commits("acme/model")[0].authors == ["alice"]


def test_the_token_is_in_no_repr() -> None:
    assert TOKEN not in repr(Access(token=TOKEN))


def test_other_host_names_are_refused(url: str) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "[", ""):
        assert httpx2.get(f"{url}/api/models", headers={"Host": host}).status_code in (400, 403)
    port = url.rpartition(":")[2]
    assert httpx2.get(f"{url}/api/models", headers={"Host": f"localhost:{port}"}).is_success


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
def test_writes_from_another_site_are_refused(url: str, headers: dict[str, str]) -> None:
    body = '{"name": "planted"}'
    answer = httpx2.post(f"{url}/api/repos/create", content=body, headers=headers)
    assert answer.status_code in (400, 403)
    assert httpx2.get(f"{url}/api/models").json() == []
    assert "access-control-allow-origin" not in answer.headers
