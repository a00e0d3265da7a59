"""Runs as real processes: interrupted, killed, two at once, on a disk that is full."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hubtools.localhub.faults import Call, Fault, Faults, Respond, Stall
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from tests.makers import command
from tests.sync.makers import Place, write_card, write_model

COMMITS = "/api/models/me/*/commit/*"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A project with a Hub of its own, of which `me` is the user."""
    root = tmp_path / "project"
    root.mkdir()
    faults = Faults()
    with closing(Store(tmp_path / "hub")) as store, serving(store.root, faults=faults) as url:
        (root / "hubtools.toml").write_text(f'[hub]\nto = "{url}"\nnamespace = "me"\n')
        yield Place(root, store, url, "me", faults)


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "HF_TOKEN": "hf_secret", "HF_HOME": str(root / ".hf")}


def start(root: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "hubtools", *arguments],
        cwd=root,
        env=environment(root),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return command(*arguments, cwd=root, env=environment(root))


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.005)


def fleet(place: Place, number: int) -> list[str]:
    names = [f"model-{n:02}" for n in range(number)]
    for name in names:
        place.card(name)
    return names


def check_each_once(place: Place, names: list[str]) -> None:
    assert place.names() == set(names)
    for name in names:
        assert [commit.title for commit in place.history(name)] == [f"Publish {name}"]


def test_ctrl_c_ends_after_the_requests_in_flight(place: Place) -> None:
    names = fleet(place, 40)
    place.faults.use(Fault(Stall(0.3), "POST", COMMITS))
    process = start(place.root, "apply", "--json")
    wait_until(lambda: place.faults.count("POST", COMMITS) >= 3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.splitlines()[-1].startswith("Interrupted.")
    said = json.loads(out)
    landed = [name for name in place.names() if place.history(name)]
    assert said["applied"] == len(landed) < 40, "what was in flight is finished and counted"
    assert said["applied"] + said["left"] == 40
    assert said["failed"] == said["conflicts"] == []
    place.faults.use()
    again = run(place.root, "apply", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["applied"] == said["left"]
    check_each_once(place, names)


def test_ctrl_c_while_planning(place: Place) -> None:
    fleet(place, 3)
    place.faults.use(Fault(Stall(2), "GET", "/api/models"))
    process = start(place.root, "apply")
    wait_until(lambda: place.faults.count(path="/api/whoami-v2") >= 1)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert out == ""
    assert place.names() == set()


def test_a_second_ctrl_c_does_not_wait(place: Place) -> None:
    fleet(place, 20)
    seen: list[str] = []
    place.faults.use(
        Fault(Stall(60), "POST", COMMITS), Fault(Call(seen.append), "GET", "/api/models/me/model-*")
    )
    process = start(place.root, "apply")
    wait_until(lambda: len(seen) >= 8)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=50)
    assert time.monotonic() - pressed < 30
    assert process.returncode in (130, -signal.SIGINT), err
    assert "Traceback" not in err
    place.faults.end_stalls()


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_while_reading(place: Place, presses: int) -> None:
    """Once lets the requests in flight end; a second time does not wait for them."""
    fleet(place, 20)
    assert run(place.root, "apply", "-q").returncode == 0
    place.forget()
    seen: list[str] = []
    readmes = "/me/*/resolve/*"
    stall = Stall(2 if presses == 1 else 60, "after")
    place.faults.use(Fault(stall, "GET", readmes), Fault(Call(seen.append), "GET", readmes))
    process = start(place.root, "plan")
    wait_until(lambda: len(seen) >= 8)
    for _ in range(presses):
        time.sleep(0.3)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=50)
    assert process.returncode in (130, -signal.SIGINT), err
    assert "Traceback" not in err
    assert out == ""
    assert len(seen) == 8, "nothing was asked any more"
    place.faults.end_stalls()


def test_kills_at_random_moments_and_reruns(place: Place) -> None:
    names = fleet(place, 30)
    write_model(place.root, names[7])
    place.faults.use(Fault(Stall(0.03)))
    moments = random.Random(7)
    kills = 0
    for _ in range(5):
        place.faults.clear()
        goal = moments.randrange(1, 40)
        process = start(place.root, "apply", "-q")
        wait_until(lambda p=process, g=goal: p.poll() is not None or len(place.faults.log) >= g)
        kills += process.poll() is None
        process.kill()
        process.communicate()
        for name in place.names():
            assert len(place.history(name)) <= 1
    assert kills >= 2
    place.faults.use()
    last = run(place.root, "apply", "--json")
    assert last.returncode == 0, last.stderr
    check_each_once(place, names)
    assert "model.safetensors" in place.data(names[7])
    said = json.loads(run(place.root, "plan", "--json").stdout)
    assert {change["action"] for change in said["changes"]} == {"unchanged"}


def test_two_at_once(place: Place) -> None:
    names = fleet(place, 30)
    write_model(place.root, names[3])
    place.faults.use(Fault(Stall(0.05), "POST"))
    runs = [start(place.root, "apply", "--json") for _ in range(2)]
    said = []
    for process in runs:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        said.append(json.loads(out))
    check_each_once(place, names)
    assert all(one["failed"] == one["conflicts"] == [] for one in said)
    for name in names:
        place.edit(name, prose="New.")
    place.faults.clear()
    runs = [start(place.root, "apply", "--json", "--max-changes", "30") for _ in range(2)]
    for process in runs:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
    assert all(len(place.history(name)) == 2 for name in names)


def test_uploads_draw_no_bars_of_their_own(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_DISABLE_PROGRESS_BARS")
    for name in fleet(place, 2):
        write_model(place.root, name)
    place.faults.use(Fault(Respond(503), "POST", COMMITS, nth=(1,)))
    result = run(place.root, "apply", "-q")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# Disks


def on_a_small_disk(
    root: Path, folder: str, size: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """`hubtools` with a file system of its own, of a size or read-only, at a folder."""
    (root / folder).mkdir(exist_ok=True)
    options = "ro" if size == "ro" else f"size={size}"
    mount = f"mount -t tmpfs -o {options} none {root / folder}"
    return with_mounts(root, mount, *arguments)


def with_mounts(root: Path, mount: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`hubtools` after a command that mounts something, in a name space of its own."""
    script = f'{mount} && exec {sys.executable} -m hubtools "$@"'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", *arguments],
        cwd=root,
        env=environment(root),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Twenty cards, and a local Hub beside them."""
    (tmp_path / "hubtools.toml").write_text("")
    for number in range(20):
        write_card(tmp_path, f"model-{number:02}")
    return tmp_path


@pytest.mark.parametrize("size", ["16k", "ro"])
def test_no_room_for_the_memory(project: Path, size: str) -> None:
    result = on_a_small_disk(project, ".hubtools", size, "apply", "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["applied"] == 20
    assert "Warning: " in result.stderr
    assert "state.sqlite" in result.stderr
    again = run(project, "apply", "--json")
    assert json.loads(again.stdout)["unchanged"] == 20


def test_no_room_for_the_plan(project: Path) -> None:
    result = on_a_small_disk(project, "out", "4k", "plan", "-o", "out/plan.json")
    assert result.returncode == 1
    assert "no space left" in result.stderr.splitlines()[-1]
    assert result.stdout == ""
    assert not (project / "out" / "plan.json").exists()


def test_no_room_on_the_hub(project: Path) -> None:
    write_model(project, "model-03", os.urandom(400_000))
    result = on_a_small_disk(project, "hub", "450k", "apply", "--json")
    assert result.returncode in (1, 8), result.stderr
    assert "Traceback" not in result.stderr
    assert "disk is full" in result.stderr or "no space left" in result.stderr
    again = run(project, "apply", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["applied"] == 20


def test_no_room_for_a_card_that_is_pulled(project: Path) -> None:
    assert run(project, "apply", "-q").returncode == 0
    with closing(Store(project / "hub")) as store:
        mine = Place(project, store, "", "me", Faults())
        mine.put("model-03", README=mine.readme("model-03") + "\n" + "My long line.\n" * 3000)
    before = (project / "cards" / "model-03.toml").read_text()
    (project / "small").mkdir()
    copied = "cp -r cards/* small/ && mount --bind small cards"
    mount = f"mount -t tmpfs -o size=100k none {project}/small && {copied}"
    result = with_mounts(project, mount, "pull", "model-03", "-y")
    assert result.returncode == 1, result.stderr
    assert "no space left" in result.stderr
    assert (project / "cards" / "model-03.toml").read_text() == before
    done = run(project, "pull", "model-03", "-y")
    assert done.returncode == 0, done.stderr
    assert (project / "cards" / "model-03.md").read_text().count("My long line.") == 3000
