from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import OutputError, UsageError
from hubtools.core.events import Reporter
from hubtools.posts.live.avatars import cached_avatar
from hubtools.services.forget import (
    AccountName,
    ForgetRequest,
    Traces,
    find_traces,
    forget,
    parse_account,
)


def model(project: Project, name: str, *accounts: tuple[str, str]) -> Path:
    folder = project.models_folder / name
    folder.mkdir(parents=True)
    sources = [{"network": network, "handle": handle} for network, handle in accounts]
    (folder / "run.json").write_text(json.dumps({"sources": sources}))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def work(project: Project, name: str) -> Path:
    folder = project.models_folder / f".{name}.part"
    folder.mkdir(parents=True)
    (folder / "key").write_text("abc")
    return folder


def card(project: Project, name: str, text: str) -> Path:
    project.cards_folder.mkdir(exist_ok=True)
    file = project.cards_folder / f"{name}.toml"
    file.write_text(f'repo = "{name}"\n{text}')
    return file


def copy(cache: Path, network: str, name: str, **said: Any) -> Path:
    folder = cache / "live" / network / name
    (folder / "posts").mkdir(parents=True)
    (folder / "posts/0001-00001.json").write_text("[]")
    (folder / "account.json").write_text(json.dumps(said))
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def run_forget(account: str, project: Project, cache: Path) -> Traces:
    request = ForgetRequest(project=project, account=account, cache=cache)
    return forget(request, Reporter(), CancelToken())


def test_every_trace_goes_and_what_is_others_stays(project: Project, cache: Path) -> None:
    own = [
        model(project, "fogwatch", ("x", "FogWatch")),
        model(project, "fogwatch-gull", ("mastodon", "gull@sea.example"), ("x", "fogwatch")),
        work(project, "fogwatch"),
        work(project, "fogwatch-gull"),
        copy(cache, "bluesky", "fogwatch", handle="fogwatch"),
    ]
    others = [
        model(project, "gull", ("mastodon", "gull@sea.example")),
        work(project, "gull"),
        copy(cache, "mastodon", "gull@sea.example", handle="gull@sea.example"),
    ]
    done = run_forget("@FOGWATCH", project, cache)
    assert sorted(done.found) == sorted(own)
    assert not any(path.exists() for path in own)
    assert all(path.exists() for path in others)
    assert done.unsure == ()
    assert run_forget("fogwatch", project, cache).found == ()


def test_a_network_can_be_named(project: Project, cache: Path) -> None:
    on_x = model(project, "a", ("x", "fogwatch"))
    on_file = model(project, "b", ("file", "fogwatch"))
    model(project, "c", ("bluesky", "fogwatch"))
    assert find_traces("x:fogwatch", project, cache).found == (on_x, on_file)


def test_a_copy_is_known_by_each_of_its_names(project: Project, cache: Path) -> None:
    did = "did:plc:abcdefghijklmnopqrstuvwx"
    kept = copy(cache, "bluesky", "did%3Aplc%3Aabc", handle="tern.example", other_names=[did])
    lock = kept.with_name(f".{kept.name}.lock")
    lock.touch()
    for name in ("tern.example", f"bluesky:{did}", did):
        assert kept in find_traces(name, project, cache).found
    assert lock in find_traces("did:plc:abc", project, cache).found


def test_cards_stay_and_are_named(project: Project, cache: Path) -> None:
    named = card(project, "a", '[[accounts]]\nhandle = "FogWatch"\n')
    broken = card(project, "b", 'handle = "fogwatch"\n[[acc')
    card(project, "c", '[[accounts]]\nhandle = "gull"\nname = "not fogwatch"\n')
    done = run_forget("fogwatch", project, cache)
    assert done.cards == (named, broken)
    assert named.exists()


def test_the_kept_picture_of_an_account_goes(project: Project, cache: Path) -> None:
    accounts = "".join(
        f'[[accounts]]\nnetwork = "x"\nhandle = "{name}"\navatar = "https://a.example/{name}"\n'
        for name in ("fogwatch", "gull")
    )
    card(project, "fogwatch-gull", accounts)
    own, other = (
        cached_avatar(cache, f"https://a.example/{name}") for name in ("fogwatch", "gull")
    )
    own.parent.mkdir(parents=True)
    own.write_bytes(b"picture")
    other.write_bytes(b"picture")
    assert run_forget("x:fogwatch", project, cache).found == (own,)
    assert other.exists() and not own.exists()


def test_a_run_that_never_ended_is_known_by_the_card_or_not_at_all(
    project: Project, cache: Path
) -> None:
    card(project, "storms", '[[accounts]]\nhandle = "fogwatch"\n')
    named, unknown = work(project, "storms"), work(project, "weather")
    done = run_forget("fogwatch", project, cache)
    assert done.found == (named,)
    assert done.unsure == (unknown,)
    assert unknown.exists()


def test_what_is_behind_a_link_stays(project: Project, cache: Path, tmp_path: Path) -> None:
    outside = tmp_path / "weights"
    outside.mkdir()
    (outside / "precious").touch()
    (model(project, "fogwatch", ("x", "fogwatch")) / "link").symlink_to(outside)
    run_forget("fogwatch", project, cache)
    assert (outside / "precious").exists()


def test_odd_records_are_passed_over(project: Project, cache: Path) -> None:
    for name, record in (("a", "{"), ("b", "[]"), ("c", '{"sources": [1, {"handle": 2}]}')):
        (model(project, name) / "run.json").write_text(record)
    copy(cache, "x", "y", handle=["fogwatch"], other_names="fogwatch")
    assert find_traces("fogwatch", project, cache).found == ()


def test_what_cannot_be_removed_is_found_again(
    project: Project, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model(project, "fogwatch", ("x", "fogwatch"))

    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        with pytest.raises(OutputError) as caught:
            run_forget("fogwatch", project, cache)
    assert caught.value.where == str(folder / "model.safetensors")
    assert caught.value.fix is not None
    assert find_traces("fogwatch", project, cache).found == (folder,)


def test_nothing_goes_without_a_yes(project: Project, cache: Path) -> None:
    folder = model(project, "fogwatch", ("x", "fogwatch"))
    asked: list[Traces] = []

    def refuse(found: Traces) -> bool:
        asked.append(found)
        return False

    for account, questions in (("fogwatch", 1), ("somebody", 1)):
        request = ForgetRequest(project=project, account=account, confirm=refuse, cache=cache)
        assert forget(request, Reporter(), CancelToken()).found == ()
        assert len(asked) == questions
    assert asked[0].found == (folder,)
    assert folder.exists()


@pytest.mark.parametrize("text", ["", "@", "x:", "  ", "x:@"])
def test_an_account_needs_a_handle(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_account(text)
    assert caught.value.fix is not None


def test_an_account_may_name_its_network() -> None:
    assert parse_account("@FogWatch") == AccountName("fogwatch")
    assert parse_account("Mastodon:gull@sea.example") == AccountName("gull@sea.example", "mastodon")
    assert parse_account("did:plc:abc") == AccountName("did:plc:abc")


def test_the_command_removes_and_says_what(
    project: Project, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBTOOLS_CACHE", str(cache))
    folder = model(project, "fogwatch", ("x", "fogwatch"))
    named = card(project, "fogwatch", '[[accounts]]\nhandle = "fogwatch"\n')
    (project.root / "hubtools.toml").touch()
    done = subprocess.run(
        [sys.executable, "-m", "hubtools", "posts", "forget", "fogwatch", "--json"],
        cwd=project.root, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said = json.loads(done.stdout)
    assert said == {"removed": [str(folder)], "cards": [str(named)], "unsure": []}
    assert f"Removed {folder}" in done.stderr
    assert "hubtools retire fogwatch" in done.stderr
    assert not folder.exists()
