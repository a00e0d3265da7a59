"""A fleet on real workers: what their death, and that of the driver, costs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.events import Reporter
from hubtools.fleet.jobs import FleetJob, JobResult, JobStarted, WorkerOptions
from hubtools.fleet.manifest import read_manifest
from hubtools.fleet.ray_environment import prepare_ray
from tests.fleet.makers import go, start, three, wait_for, write_accounts, write_manifest
from tests.fleet.test_run import on_hub, stamps

if TYPE_CHECKING:
    from hubtools.fleet.ray_engine import RayEngine


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the workers were started for, and nothing else in its home folder."""
    return tmp_path_factory.mktemp("project")


@pytest.fixture(scope="module")
def engine(home: Path) -> Iterator[RayEngine]:
    """Two workers; starting them is what costs time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.setenv("HOME", str(home / "home"))
        patch.setenv("MPLCONFIGDIR", str(home / "matplotlib"))
        prepare_ray(None)
        from hubtools.fleet.ray_engine import ray_engine

        with ray_engine(2, None, WorkerOptions(), Reporter()) as made:
            yield made


def workers() -> list[int]:
    """The processes of the workers, as the system knows them."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                named = (folder / "cmdline").read_bytes().startswith(b"ray::FleetActor")
                ours = os.environ["RAY_AUTH_TOKEN"].encode() in (folder / "environ").read_bytes()
            except OSError:
                continue
            if named and ours:
                found.append(int(folder.name))
    return found


def jobs(home: Path, *rows: str, recipe: str = "fast.toml") -> list[FleetJob]:
    manifest = write_manifest(home / "fleet.toml", *rows, recipe=recipe)
    return [
        FleetJob(name=row.name, request=row.request)
        for row in read_manifest(manifest, Project(home))
    ]


def test_two_workers_make_what_one_process_makes(engine: RayEngine, home: Path) -> None:
    write_accounts(home, 4)
    rows = [f'sources = "a{number}.zip"\nname = "m{number}"' for number in range(4)]
    events = list(engine.run(jobs(home, *rows, 'sources = "gone.zip"'), CancelToken()))
    made = {event.name: event for event in events if isinstance(event, JobResult)}
    assert [made[f"m{number}"].error for number in range(4)] == [None] * 4
    assert "no such file" in (made["gone"].error or "")
    assert made["m0"].bits_per_byte is not None
    assert len(workers()) == 2
    assert not (home / "home").exists(), "nothing is written to the home folder"


def test_a_killed_worker_costs_its_models_one_more_attempt(engine: RayEngine, home: Path) -> None:
    rows = [f'sources = "a{number}.zip"\nname = "k{number}"' for number in range(4)]
    killed: list[int] = []
    ended: dict[str, str | None] = {}
    for event in engine.run(jobs(home, *rows), CancelToken()):
        if isinstance(event, JobStarted) and not killed:
            killed = workers()[:1]
            os.kill(killed[0], signal.SIGKILL)
        if isinstance(event, JobResult):
            assert event.name not in ended
            ended[event.name] = event.error
    assert ended == {f"k{number}": None for number in range(4)}
    assert killed[0] not in workers()


def test_a_model_that_kills_its_worker_is_given_up_and_takes_no_other_along(
    engine: RayEngine, home: Path
) -> None:
    rows = [f'sources = "a{number}.zip"\nname = "p{number}"' for number in range(3)]
    from hubtools.fleet.ray_engine import MAX_ATTEMPTS

    poison = 'sources = "a3.zip"\nname = "poison"\nrecipe = "slow.toml"'
    ended: dict[str, str | None] = {}
    deaths = 0
    for event in engine.run(jobs(home, poison, *rows), CancelToken()):
        if isinstance(event, JobStarted) and event.name == "poison":
            work = home / "models/.poison.part/key"
            while not work.exists():
                time.sleep(0.02)
            work.unlink()
            deaths += 1
            for process in workers():
                os.kill(process, signal.SIGKILL)
        if isinstance(event, JobResult):
            ended[event.name] = event.error
    assert deaths == MAX_ATTEMPTS
    assert ended.pop("poison")
    assert set(ended) == {"p0", "p1", "p2"}
    assert not (home / "models/poison").exists()


def test_a_driver_that_is_killed_leaves_a_fleet_that_goes_on(
    engine: RayEngine, tmp_path: Path
) -> None:
    """Through the address of a cluster that runs already, as on several machines."""
    import ray

    engine.close()
    write_accounts(tmp_path, 3)
    manifest = three(tmp_path)
    slow = '[[models]]\nsources = "a1.zip"\nname = "slow"\nrecipe = "slow.toml"\n'
    text = manifest.read_text()
    manifest.write_text(f"{text}\n{slow}")
    address = ray.get_runtime_context().gcs_address
    process = start(tmp_path, "--workers", "1", "--address", address)
    wait_for(lambda: len(stamps(tmp_path)) >= 2, process)
    wait_for((tmp_path / "models/.slow.part/key").exists, process)
    process.kill()
    process.communicate()
    made = stamps(tmp_path)
    while workers():
        time.sleep(0.05)  # Ray ends the workers of a driver that is gone
    manifest.write_text(f"{text}\n{slow.replace('slow.toml', 'fast.toml')}")
    done = go(manifest)
    assert done.error() is None
    assert on_hub(tmp_path) == ["m0", "m1", "m2", "slow"]
    assert made.items() <= stamps(tmp_path).items()


def test_ctrl_c_ends_the_workers_too(engine: RayEngine, tmp_path: Path) -> None:
    import ray

    engine.close()
    write_accounts(tmp_path, 3)
    three(tmp_path, recipe="slow.toml")
    address = ray.get_runtime_context().gcs_address
    process = start(tmp_path, "--workers", "1", "--address", address, "--json")
    wait_for(lambda: list((tmp_path / "models").glob(".*.part/key")), process)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate()
    assert process.returncode == 130, error
    assert json.loads(out)["remaining"] == 3
    assert "Traceback" not in error
    assert not stamps(tmp_path)
    while workers():
        time.sleep(0.05)
