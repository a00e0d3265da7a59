"""The store itself: many repositories at once, and what nobody needs any more."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from hubtools.localhub.errors import BadRequestError, RepoExistsError
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from hubtools.localhub.types import AddLfsFile, NewCommit, Query, RepoId
from tests.localhub.conftest import check_consistency

REPO = RepoId("me", "m")


@pytest.fixture
def own(root: Path) -> Iterator[Store]:
    """A store of the test's own."""
    with closing(Store(root)) as store:
        yield store


def _fleet(number: int) -> Iterator[tuple[RepoId, dict[str, bytes]]]:
    for n in range(number):
        readme = f"---\nlicense: mit\ntags: [poems]\n---\n# Model {n}\n"
        yield RepoId("acme", f"m-{n:04}"), {"README.md": readme.encode(), "a/b.txt": b"same"}


def test_many_repositories_page_by_a_thousand(root: Path, own: Store) -> None:
    own.create_many(_fleet(1001), author="me")
    own.create(REPO, author="me")
    with serving(root) as url:
        links, sizes = f"{url}/api/models?author=acme&expand=sha&expand=lastModified", []
        while links:
            answer = httpx2.get(links)
            sizes.append(len(answer.json()))
            links = answer.links.get("next", {}).get("url", "")
        assert sizes == [1000, 1]
        api = HfApi(endpoint=url, token="any")
        listed = api.list_models(
            author="acme", expand=["sha", "lastModified", "private", "siblings"]
        )
        models = {model.id: model for model in listed}
        assert len(models) == 1001
        one = models["acme/m-0234"]
        info = api.model_info("acme/m-0234")
        assert (one.sha, one.last_modified, one.private) == (info.sha, info.last_modified, False)
        assert [file.rfilename for file in one.siblings or ()] == [
            ".gitattributes", "README.md", "a/b.txt",
        ]  # fmt: skip
        assert info.card_data is not None and info.card_data.license == "mit"
        assert info.tags == ["poems", "license:mit"]
        assert [commit.title for commit in api.list_repo_commits("acme/m-0234")] == [
            "Add files", "initial commit",
        ]  # fmt: skip
    check_consistency(root)


def test_of_many_repositories_all_or_none_are_made(root: Path, own: Store) -> None:
    own.create(RepoId("acme", "m-0007"), author="me")
    with pytest.raises(RepoExistsError, match="m-0007"):
        own.create_many(_fleet(10), author="me")
    with own.snapshot() as snapshot:
        assert snapshot.count(Query()) == 1
    own.delete(RepoId("acme", "m-0007"))
    own.create_many(_fleet(10), author="me", private=True)
    with own.snapshot(private=False) as snapshot:
        assert snapshot.count(Query()) == 0
    check_consistency(root)


def test_put_commits_on_whatever_is_there(own: Store) -> None:
    own.create(REPO, author="me")
    first = own.put(REPO, {"README.md": b"# One\n"}, author="rival", title="mine")
    again = own.put(REPO, {"README.md": b"# One\n"}, author="rival")
    assert (first, first.author, first.title) == (again, "rival", "mine")


def _age(path: Path, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


def _uploaded(store: Store, content: bytes) -> str:
    with store.objects.staging() as staging:
        staged = staging.add(content)
        store.keep(staged)
        return staged.sha256


def _commit_lfs(store: Store, sha256: str) -> None:
    store.commit(REPO, NewCommit("me", "weights", (AddLfsFile("w.bin", sha256),)))


def test_an_upload_that_nobody_commits_is_given_up_after_a_day(root: Path, own: Store) -> None:
    own.create(REPO, author="me")
    committed, fresh, old = (_uploaded(own, text) for text in (b"used", b"fresh", b"old"))
    _commit_lfs(own, committed)
    stray = own.objects.path("f" * 64)
    stray.parent.mkdir()
    stray.write_bytes(b"no row names this")
    for path in (own.objects.path(committed), own.objects.path(old), stray):
        _age(path, hours=25)
    with closing(Store(root)):
        assert own.objects.path(old).exists()  # looked for a moment ago, when `own` was opened
    _age(root / "collected", hours=25)
    with closing(Store(root)):
        pass
    assert own.objects.path(committed).exists() and own.objects.path(fresh).exists()
    assert not own.objects.path(old).exists() and not stray.exists()
    with pytest.raises(BadRequestError, match="was not uploaded"):
        _commit_lfs(own, old)
    _commit_lfs(own, fresh)
    check_consistency(root)


def test_asking_for_an_upload_keeps_what_is_there(root: Path, own: Store) -> None:
    own.create(REPO, author="me")
    sha256 = _uploaded(own, b"weights")
    _age(own.objects.path(sha256), hours=25)
    with serving(root) as url:
        body = {"operation": "upload", "objects": [{"oid": sha256, "size": 7}]}
        batch = httpx2.post(f"{url}/me/m.git/info/lfs/objects/batch", json=body)
        assert "actions" not in batch.json()["objects"][0]
    _age(root / "collected", hours=25)
    with closing(Store(root)):
        _commit_lfs(own, sha256)
    check_consistency(root)


def test_old_names_lead_on_in_addresses_and_not_in_bodies(root: Path, own: Store) -> None:
    own.create(REPO, author="me")
    with serving(root) as url:
        api = HfApi(endpoint=url, token="any")
        api.move_repo("me/m", "me/renamed")
        assert api.model_info("me/m").id == "me/renamed"
        api.update_repo_settings("me/m", private=True)
        assert api.model_info("me/renamed").private
        weights = b"weights" * 1000
        api.upload_file(path_or_fileobj=weights, path_in_repo="w.bin", repo_id="me/m")
        assert api.file_exists("me/renamed", "w.bin")
        with pytest.raises(HfHubHTTPError, match="new name, me/renamed") as caught:
            api.delete_repo("me/m")
        assert caught.value.response.status_code == 404
        with pytest.raises(HfHubHTTPError):
            api.move_repo("me/m", "me/again")
        api.delete_repo("me/renamed")
        assert not api.repo_exists("me/m")
