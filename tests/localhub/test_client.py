"""The unmodified huggingface_hub client against the local Hub."""

from __future__ import annotations

import http.client
import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    BadRequestError,
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hubtools.localhub.store import Store
from hubtools.localhub.types import AddFile, NewCommit, RepoId

README = b"""---
language: en
license: mit
tags: [harbour, log]
pipeline_tag: text-generation
library_name: transformers
base_model: openai-community/gpt2
since: 2021-08-29
---
# Harbour
"""


@pytest.fixture
def repo(api: HfApi) -> str:
    return api.create_repo("me/harbour").repo_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / "deep" / "er").mkdir(parents=True)
    (made / "README.md").write_bytes(README)
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(os.urandom(3 << 20))
    (made / "deep" / "er" / "a b%#?ü.txt").write_text("below")
    return made


def _put(api: HfApi, repo: str, path: str, content: bytes, **more: str) -> str:
    made = api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo, **more)
    return made.oid


def test_create_begins_with_an_initial_commit(api: HfApi, url: str) -> None:
    made = api.create_repo("harbour")
    assert (made.url, made.repo_id) == (f"{url}/me/harbour", "me/harbour")
    (first,) = api.list_repo_commits("me/harbour")
    assert (first.title, first.authors) == ("initial commit", ["me"])
    assert api.list_repo_files("me/harbour") == [".gitattributes"]


def test_create_again_is_a_conflict_unless_it_may_exist(api: HfApi, repo: str, url: str) -> None:
    with pytest.raises(HfHubHTTPError) as caught:
        api.create_repo("me/Harbour")
    assert caught.value.response.status_code == 409
    assert api.create_repo(repo, exist_ok=True).url == f"{url}/me/harbour"


def test_upload_file_and_download(api: HfApi, repo: str, url: str, tmp_path: Path) -> None:
    oid = _put(api, repo, "README.md", README)
    info = api.model_info(repo)
    assert info.sha == oid
    assert info.card_data is not None and info.card_data.license == "mit"
    assert info.tags == [
        *("transformers", "text-generation", "harbour", "log", "en"),
        *("base_model:openai-community/gpt2", "license:mit"),
    ]
    path = hf_hub_download(repo, "README.md", endpoint=url, cache_dir=tmp_path / "cache")
    assert Path(path).read_bytes() == README
    assert oid in path


def test_upload_folder_with_lfs_and_snapshot(
    api: HfApi, repo: str, url: str, folder: Path, tmp_path: Path
) -> None:
    first = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="All of it")
    again = api.upload_folder(repo_id=repo, folder_path=folder)
    assert again.oid == first.oid
    got = Path(snapshot_download(repo, endpoint=url, cache_dir=tmp_path / "cache"))
    names = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert [(got / n).read_bytes() for n in names] == [(folder / n).read_bytes() for n in names]
    siblings = {s.rfilename: s for s in api.model_info(repo, files_metadata=True).siblings or []}
    weights = siblings["model.safetensors"]
    assert weights.lfs is not None and weights.lfs.size == weights.size == 3 << 20
    assert siblings["config.json"].lfs is None
    assert siblings["config.json"].blob_id == "9e26dfeeb6e641a33dae4961196235bdb965b21b"


def test_git_agrees_with_the_ids(api: HfApi, repo: str, folder: Path, tmp_path: Path) -> None:
    (folder / "model.safetensors").unlink()
    api.upload_folder(repo_id=repo, folder_path=folder)
    git = ["git", "-C", str(folder), "-c", "core.autocrlf=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "deep"], check=True)
    tree = subprocess.run([*git, "write-tree"], check=True, capture_output=True, text=True)
    listed = subprocess.run(
        [*git, "ls-tree", tree.stdout.strip()], check=True, capture_output=True, text=True
    )
    (deep,) = api.get_paths_info(repo, "deep")
    assert deep.tree_id == listed.stdout.split()[2]


def test_a_commit_that_changes_nothing_is_the_head(api: HfApi, repo: str) -> None:
    assert _put(api, repo, "a.txt", b"1") == _put(api, repo, "a.txt", b"1")
    assert len(api.list_repo_commits(repo)) == 2


def test_parent_mismatch_is_412(api: HfApi, repo: str) -> None:
    parent = _put(api, repo, "a.txt", b"1")
    _put(api, repo, "a.txt", b"2", parent_commit=parent)
    with pytest.raises(HfHubHTTPError) as caught:
        _put(api, repo, "a.txt", b"3", parent_commit=parent)
    assert caught.value.response.status_code == 412
    assert len(api.list_repo_commits(repo)) == 3


def test_operations_in_one_commit(api: HfApi, repo: str, folder: Path) -> None:
    api.upload_folder(repo_id=repo, folder_path=folder)
    api.create_commit(
        repo_id=repo,
        commit_message="Rearrange",
        operations=[
            CommitOperationDelete("deep/", is_folder=True),
            CommitOperationDelete("config.json"),
            CommitOperationCopy("model.safetensors", "copy.safetensors"),
            CommitOperationCopy("README.md", "NOTES.md"),
            CommitOperationAdd("new.txt", b"new"),
        ],
    )
    assert api.list_repo_files(repo) == [
        *(".gitattributes", "NOTES.md", "README.md", "copy.safetensors", "model.safetensors"),
        "new.txt",
    ]
    with pytest.raises(EntryNotFoundError):
        api.delete_file("config.json", repo)


def test_history_keeps_every_tree(api: HfApi, repo: str, url: str, tmp_path: Path) -> None:
    old = _put(api, repo, "README.md", README)
    _put(api, repo, "README.md", b"---\nlicense: apache-2.0\n---\n")
    api.delete_file("README.md", repo)
    at = {"endpoint": url, "cache_dir": tmp_path / "cache", "revision": old}
    assert Path(hf_hub_download(repo, "README.md", **at)).read_bytes() == README
    info = api.model_info(repo, revision=old)
    assert info.card_data is not None and (info.sha, info.card_data.license) == (old, "mit")
    assert api.model_info(repo).card_data is None
    assert [c.title for c in api.list_repo_commits(repo, revision=old)][-1] == "initial commit"
    (main,) = api.list_repo_refs(repo).branches
    assert main.target_commit == api.model_info(repo).sha


def test_history_pages(api: HfApi, repo: str, store: Store) -> None:
    with store.objects.staging() as staging:
        for n in range(120):
            content = staging.add(b"%d" % n)
            store.commit(
                RepoId("me", "harbour"), NewCommit("me", f"n{n}", (AddFile("n", content),))
            )
    titles = [commit.title for commit in api.list_repo_commits(repo)]
    assert titles == [*(f"n{n}" for n in reversed(range(120))), "initial commit"]


def test_tree_and_paths_info(api: HfApi, repo: str, folder: Path) -> None:
    api.upload_folder(repo_id=repo, folder_path=folder, commit_message="All")
    top = [item.path for item in api.list_repo_tree(repo)]
    assert top == [".gitattributes", "README.md", "config.json", "deep", "model.safetensors"]
    below = api.list_repo_tree(repo, "deep/er", expand=True)
    assert [(i.path, i.last_commit.title) for i in below if i.last_commit] == [
        ("deep/er/a b%#?ü.txt", "All")
    ]
    everything = [item.path for item in api.list_repo_tree(repo, recursive=True)]
    assert everything[3:6] == ["deep", "deep/er", "deep/er/a b%#?ü.txt"]
    found = api.get_paths_info(repo, ["README.md", "deep", "missing"], expand=True)
    assert [item.path for item in found] == ["README.md", "deep"]
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(repo, "nowhere"))


def test_tree_pages(api: HfApi, repo: str) -> None:
    files = [CommitOperationAdd(f"f/{n:04}.txt", b"%d" % n) for n in range(130)]
    api.create_commit(repo_id=repo, operations=files, commit_message="Many")
    expanded = list(api.list_repo_tree(repo, "f", expand=True))
    assert [item.path for item in expanded] == [f"f/{n:04}.txt" for n in range(130)]


def test_list_models_pages_filters_and_expands(api: HfApi, url: str, store: Store) -> None:
    for n in range(25):
        store.create(RepoId("acme" if n % 5 else "other", f"model-{n}"), author="me")
    _put(api, "acme/model-7", "README.md", README)
    api.update_repo_settings("acme/model-8", private=True)
    newest = [m.id for m in api.list_models(author="acme", expand=["sha"])]
    assert newest == [f"acme/model-{n}" for n in reversed(range(25)) if n % 5]
    assert [m.id for m in api.list_models(search="DEL-7")] == ["acme/model-7"]
    assert [m.id for m in api.list_models(filter=["harbour", "log"])] == ["acme/model-7"]
    assert next(iter(api.list_models(sort="last_modified"))).id == "acme/model-7"
    (found,) = api.list_models(
        search="model-7", expand=["sha", "cardData", "siblings", "lastModified"]
    )
    assert found.sha == api.model_info("acme/model-7").sha
    assert found.card_data is not None and found.card_data.to_dict()["since"] == "2021-08-29"
    assert [s.rfilename for s in found.siblings or []] == [".gitattributes", "README.md"]
    assert (found.tags, found.private) == (None, None)
    paged = list(_pages(url, "/api/models?limit=7&author=acme&expand=sha&expand=siblings"))
    assert [len(page) for page in paged] == [7, 7, 6]
    assert [m["id"] for page in paged for m in page] == newest
    assert {tuple(sorted(m)) for page in paged for m in page} == {
        ("_id", "id", "modelId", "sha", "siblings")
    }


def _pages(url: str, path: str) -> object:
    import httpx2

    address: str | None = url + path
    while address:
        answer = httpx2.get(address)
        yield answer.json()
        address = answer.links.get("next", {}).get("url")


def test_delete_move_and_settings(api: HfApi, repo: str, url: str, tmp_path: Path) -> None:
    oid = _put(api, repo, "a.txt", b"1")
    api.update_repo_settings(repo, private=True, gated="auto")
    info = api.model_info(repo)
    assert (info.private, info.gated) == (True, "auto")
    api.move_repo(repo, "acme/pier")
    assert api.model_info(repo).id == "acme/pier"
    path = hf_hub_download(repo, "a.txt", endpoint=url, cache_dir=tmp_path / "cache")
    assert oid in path
    _put(api, repo, "b.txt", b"through the old name")
    assert api.file_exists("acme/pier", "b.txt")
    api.create_repo("me/other")
    with pytest.raises(HfHubHTTPError, match="409"):
        api.move_repo("me/other", "acme/pier")
    api.create_repo(repo)
    assert api.model_info(repo).id == "me/harbour"
    api.delete_repo("acme/pier")
    api.delete_repo("acme/pier", missing_ok=True)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("acme/pier")


def test_delete_removes_contents_that_nobody_else_has(api: HfApi, hub_root: Path) -> None:
    for name in ("one", "two"):
        api.create_repo(f"me/{name}")
        _put(api, f"me/{name}", "shared.bin", b"shared weights")
        _put(api, f"me/{name}", "own.bin", name.encode())
    api.delete_repo("me/one")
    kept = {path.read_bytes() for path in (hub_root / "objects").rglob("*") if path.is_file()}
    assert b"shared weights" in kept and b"two" in kept
    assert b"one" not in kept
    _put(api, "me/two", "again.bin", b"one")
    assert api.file_exists("me/two", "again.bin")


def test_what_is_missing_has_its_own_error(api: HfApi, repo: str) -> None:
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("me/nothing")
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("gpt2")
    with pytest.raises(RevisionNotFoundError):
        api.model_info(repo, revision="side")
    with pytest.raises(RevisionNotFoundError):
        api.list_repo_commits(repo, revision="0" * 40)
    assert not api.file_exists(repo, "nothing.txt")
    with pytest.raises(BadRequestError):
        api.create_repo("me/set", repo_type="dataset")


def test_readme_is_validated(api: HfApi, repo: str) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        _put(api, repo, "README.md", b"---\na: [\n---\n")
    with pytest.warns(UserWarning, match="empty or missing"):
        _put(api, repo, "README.md", b"# No metadata\n")


@pytest.mark.parametrize("lfs", [False, True], ids=["regular", "lfs"])
def test_ranges_and_etags(api: HfApi, repo: str, url: str, lfs: bool) -> None:
    name = "data.bin" if lfs else "data.txt"
    _put(api, repo, name, bytes(range(100)))
    connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def get(method: str = "GET", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method, f"/{repo}/resolve/main/{name}", headers=named)
        answer = connection.getresponse()
        return answer, answer.read()

    head, body = get("HEAD")
    etag = head.headers["ETag"]
    assert (head.status, body, head.headers["Content-Length"]) == (200, b"", "100")
    assert head.headers["X-Repo-Commit"] == api.model_info(repo).sha
    assert head.headers["X-Linked-Etag"] == (etag if lfs else None)
    assert head.headers["X-Linked-Size"] == ("100" if lfs else None)
    part, body = get(Range="bytes=10-19")
    assert (part.status, body) == (206, bytes(range(10, 20)))
    assert part.headers["Content-Range"] == "bytes 10-19/100"
    assert get(Range="bytes=-5")[1] == bytes(range(95, 100))
    assert get(Range="bytes=100-")[0].status == 416
    assert get(If_None_Match=etag)[0].status == 304
    assert get(If_None_Match='"other"')[0].status == 200


def test_an_error_arrives_once_with_all_its_letters(api: HfApi, repo: str) -> None:
    with pytest.raises(HfHubHTTPError) as caught:
        _put(api, repo, "a//größe.txt", b"x")
    message = caught.value.server_message
    assert message is not None and message.count("'a//größe.txt'") == 1
