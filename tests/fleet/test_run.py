"""A fleet in one process: what is trained once, what is reported, and what interrupts it."""

from __future__ import annotations

import json
import re
import shutil
import signal
import threading
from collections.abc import Sequence
from pathlib import Path

import httpx2
import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import load_file

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Config, ConsentConfig, Project
from hubtools.core.errors import AccessError, PartlyDoneError, UsageError
from hubtools.core.events import Reporter
from hubtools.fleet.jobs import FleetJob, JobResult, JobStarted, WorkerOptions
from hubtools.fleet.journal import read_state, state_files
from hubtools.fleet.manifest import Shard, read_manifest
from hubtools.fleet.worker import PIPELINE_DEPTH, FleetWorker
from hubtools.localhub.access import Access
from hubtools.localhub.server import serving
from hubtools.services.plan import PlannedCards, plan_cards
from hubtools.services.session import HubSession
from hubtools.services.train import train
from hubtools.training.data import Batch
from hubtools.training.multi_model import GroupGradients, stacked_gradients
from tests.cli.test_errors import on_a_file_system
from tests.fleet.makers import (
    LORA,
    PLAIN,
    go,
    start,
    three,
    wait_for,
    write_accounts,
    write_manifest,
)
from tests.makers import command, write_archive
from tests.training.makers import posts


def values(folder: Path, name: str) -> dict[str, torch.Tensor]:
    (file,) = (folder / "models" / name).glob("*model.safetensors")
    return dict(load_file(file))


def weights(folder: Path, name: str) -> bytes:
    return (folder / "models" / name / "model.safetensors").read_bytes()


def stamps(folder: Path) -> dict[str, int]:
    """When the weights of each complete model were written."""
    found = (file.parent for file in (folder / "models").glob("[!.]*/run.json"))
    return {model.name: (model / "model.safetensors").stat().st_mtime_ns for model in found}


def folders(folder: Path) -> list[str]:
    return [file.name for file in (folder / "models").iterdir() if file.is_dir()]


def on_hub(folder: Path) -> list[str]:
    with serving(folder / "hub") as endpoint:
        api = HfApi(endpoint, token=False)
        return sorted(model.id.partition("/")[2] for model in api.list_models(author="me"))


def test_each_row_is_made_and_published_and_a_failure_is_told(accounts: Path) -> None:
    write_archive(accounts / "few.zip", posts(20))
    (accounts / "broken.zip").write_bytes((accounts / "a0.zip").read_bytes()[:2000])
    manifest = write_manifest(
        accounts / "fleet.toml",
        'sources = "few.zip"',
        'sources = "broken.zip"',
        'sources = ["a0.zip", "a1.zip"]\nname = "two"',
        'sources = "gone.zip"',
        'sources = "a2.zip"\nseed = 5',
    )
    done = go(manifest)
    assert done.state.trained == done.state.published == 2
    assert on_hub(accounts) == ["a2", "two"]
    assert not (accounts / "models/few").exists()
    failed = {one.name: one for one in done.failures}
    assert set(failed) == {"few", "broken", "gone"}
    assert failed["few"].exit_code == 7
    assert failed["few"].where.endswith("models[1]")
    assert "gone.zip" in failed["gone"].error
    assert isinstance(done.error(), PartlyDoneError)
    ((state, active),) = [read_state(file) for file in state_files(Project(accounts))]
    assert (state.end, active, state.failed, state.done) == ("partly", False, 3, 2)
    with serving(accounts / "hub") as endpoint:
        listed = httpx2.get(f"{endpoint}/-/fleets").text
        (link,) = set(re.findall(r"/-/fleets/fleet-\w+", listed))
        page = httpx2.get(endpoint + link).text
    assert "2 of 5 models" in " ".join(page.split())
    assert "few" in page and "gone.zip" in page
    before = stamps(accounts)
    again = go(manifest)
    assert (again.state.trained, again.state.already_done, again.state.failed) == (0, 2, 3)
    assert stamps(accounts) == before


def test_a_row_gives_what_publish_gives(accounts: Path, tiny_gpt2: Path) -> None:
    """Bases that stay loaded, threads and groups change no byte of a model."""
    rows = [
        f'sources = "a{n}.zip"\nname = "m{n}"\nbase = "{tiny_gpt2}"\nseed = {n}' for n in range(3)
    ]
    manifest = write_manifest(accounts / "fleet.toml", *rows)
    assert go(manifest, publish=False).state.trained == 3
    made = {name: weights(accounts, name) for name in ("m0", "m1", "m2")}
    cards = {name: (accounts / f"cards/{name}.toml").read_bytes() for name in made}
    shutil.rmtree(accounts / "models")
    for row in read_manifest(manifest, Project(accounts)):
        train(row.request, Reporter(), CancelToken())
    assert made == {name: weights(accounts, name) for name in made}
    assert cards == {name: (accounts / f"cards/{name}.toml").read_bytes() for name in made}


@pytest.mark.parametrize("recipe", ["lora.toml", "plain.toml"])
def test_models_trained_in_batches_equal_models_trained_alone(
    recipe: str, accounts: Path, tiny_gpt2: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five of one base, up to three at once, beside one that fails and one trained alone."""
    sizes: list[int] = []

    def counted(members: Sequence[tuple[GroupGradients, Batch]]) -> list[float]:
        sizes.append(len(members))
        return stacked_gradients(members)

    monkeypatch.setattr("hubtools.training.multi_model.stacked_gradients", counted)
    (accounts / "plain.toml").write_text(PLAIN)
    (accounts / "lora.toml").write_text(f"{PLAIN}\n{LORA}")
    write_archive(accounts / "few.zip", posts(20))
    rows = [
        f'sources = "a{n % 3}.zip"\nname = "m{n}"\nseed = {n}\nbase = "{tiny_gpt2}"'
        for n in range(5)
    ]
    few = f'sources = "few.zip"\nbase = "{tiny_gpt2}"'
    other = 'sources = "a0.zip"\nname = "other"\nrecipe = "fast.toml"\nbase = "scratch"'
    manifest = write_manifest(accounts / "fleet.toml", *rows, few, other, recipe=recipe)
    done = go(manifest, publish=False, worker=WorkerOptions(models_per_batch=3))
    assert (done.state.trained, [one.name for one in done.failures]) == (6, ["few"])
    assert 2 <= max(sizes) <= 3, "models join a pass when their batches are of similar width"
    batched = {name: values(accounts, name) for name in ("m0", "m1", "m2", "m3", "m4")}
    assert go(manifest, publish=False).state.already_done == 6, "the same models, in batches or not"
    shutil.rmtree(accounts / "models")
    alone = go(manifest, publish=False)
    assert alone.state.trained == 6
    for name, found in batched.items():
        for part, weight in values(accounts, name).items():
            torch.testing.assert_close(found[part], weight, atol=1e-4, rtol=1e-3)
    losses = [{one.name: one.test_loss for one in run.models} for run in (done, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


def test_only_what_changed_is_made_again(accounts: Path) -> None:
    manifest = three(accounts)
    assert go(manifest, publish=False).state.trained == 3
    before = stamps(accounts)
    (accounts / "a0.zip").touch()  # the posts are the same: read again, not trained again
    write_archive(accounts / "a1.zip", posts(170, seed=9), "fog1", "Fog 1")
    done = go(manifest, publish=False)
    assert (done.state.trained, done.state.already_done) == (2, 1)
    after = stamps(accounts)
    assert {name for name in after if after[name] != before[name]} == {"m1"}
    published = go(manifest)
    assert (published.state.trained, published.state.published) == (0, 3)
    assert stamps(accounts) == after
    assert on_hub(accounts) == ["m0", "m1", "m2"]


def test_shards_share_what_is_done(accounts: Path) -> None:
    manifest = three(accounts)
    assert go(manifest, shard=Shard(1, 2)).state.trained == 2
    assert go(manifest, shard=Shard(2, 2)).state.trained == 1
    assert go(manifest).state.already_done == 3


def test_folders_go_once_they_are_on_the_hub(accounts: Path) -> None:
    manifest = three(accounts)
    go(manifest, keep_folders=False)
    assert folders(accounts) == []
    assert on_hub(accounts) == ["m0", "m1", "m2"]
    with serving(accounts / "hub") as endpoint:
        assert "model.safetensors" in HfApi(endpoint, token=False).list_repo_files("me/m1")
    assert go(manifest, keep_folders=False).state.already_done == 3
    assert folders(accounts) == []


def test_the_deny_list_holds_for_a_row_and_no_other(accounts: Path) -> None:
    (accounts / "deny.txt").write_text("x:fog1\n")
    project = Project(accounts, Config(consent=ConsentConfig(deny="deny.txt")))
    done = go(three(accounts), project)
    assert [(one.name, one.exit_code) for one in done.failures] == [("m1", 7)]
    assert on_hub(accounts) == ["m0", "m2"]
    (accounts / "deny.txt").write_text("x:fog1\nx:fog2\n")  # after m2 was made
    shutil.rmtree(accounts / "hub")
    shutil.rmtree(accounts / ".hubtools")
    done = go(three(accounts), project)
    assert {one.name for one in done.failures} == {"m1", "m2"}
    assert on_hub(accounts) == ["m0"]


def test_an_edit_on_the_hub_holds_up_that_model_only(accounts: Path) -> None:
    manifest = three(accounts)
    go(manifest)
    with serving(accounts / "hub") as endpoint:
        api = HfApi(endpoint, token=False)
        api.upload_file(path_or_fileobj=b"# Mine", path_in_repo="README.md", repo_id="me/m1")
    manifest.write_text(manifest.read_text().replace("[defaults]", "[defaults]\nseed = 3"))
    done = go(manifest)
    (failed,) = done.failures
    assert (failed.name, failed.exit_code) == ("m1", 6)
    assert done.state.published == 2


def test_a_wrong_token_stops_before_anything_is_made(
    accounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "a-wrong-token")
    access = Access(user="ada", orgs=(), token="hub-token-for-tests")
    with serving(accounts / "other", access=access) as endpoint, pytest.raises(AccessError):
        go(three(accounts), to=endpoint)
    assert not (accounts / "models").exists()


def test_one_process_runs_a_fleet(accounts: Path) -> None:
    manifest = three(accounts, recipe="slow.toml")
    process = start(accounts, "--workers", "0", "--no-publish")
    try:
        wait_for(lambda: list((accounts / "models").glob(".*.part/key")), process)
        with pytest.raises(UsageError) as caught:
            go(manifest)
        assert str(process.pid) in caught.value.what
        shown = command("fleet", "status", "--json", cwd=accounts)
        (state,) = json.loads(shown.stdout)["fleets"]
        assert state["active"] is True
        assert state["process"] == process.pid
    finally:
        process.kill()
        process.communicate()
    shown = command("fleet", "status", cwd=accounts)
    assert "killed" in shown.stdout


def test_whoever_does_not_take_what_is_made_holds_up_the_rest(accounts: Path) -> None:
    rows = [f'sources = "a0.zip"\nname = "m{number}"' for number in range(9)]
    jobs = [
        FleetJob(name=row.name, request=row.request)
        for row in read_manifest(write_manifest(accounts / "fleet.toml", *rows), Project(accounts))
    ]
    events = FleetWorker(WorkerOptions()).run(jobs, CancelToken())
    taken = [next(events)]
    while not isinstance(taken[-1], JobResult):
        taken.append(next(events))
    for worker in [t for t in threading.enumerate() if t.name.startswith("ThreadPool")]:
        worker.join(0.5)
    begun = {name.strip(".").removesuffix(".part") for name in folders(accounts)}
    assert len(begun) <= PIPELINE_DEPTH
    assert isinstance(taken[0], JobStarted)
    assert len([event for event in events if isinstance(event, JobResult)]) == 8


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fleet_goes_on_where_it_was(how: signal.Signals, folder: Path) -> None:
    write_accounts(folder, 3)
    manifest = three(folder)
    text = manifest.read_text()
    slow = '[[models]]\nsources = "a1.zip"\nname = "slow"\nrecipe = "slow.toml"\n'
    manifest.write_text(f"{text}\n{slow}")
    process = start(folder, "--workers", "0", "--json")
    wait_for(lambda: len(stamps(folder)) == 3, process)
    wait_for((folder / "models/.slow.part/key").exists, process)
    process.send_signal(how)
    out, error = process.communicate()
    assert process.returncode == (130 if how == signal.SIGINT else -9), error
    if how == signal.SIGINT:
        assert json.loads(out)["end"] == "interrupted"
        assert error.splitlines()[-1].startswith("Interrupted.")
    assert not (folder / "models/slow").exists()
    assert "slow" not in on_hub(folder)
    before = stamps(folder)
    manifest.write_text(f"{text}\n{slow.replace('slow.toml', 'fast.toml')}")
    done = go(manifest)
    assert done.error() is None
    assert on_hub(folder) == ["m0", "m1", "m2", "slow"]
    assert {name: stamp for name, stamp in stamps(folder).items() if name != "slow"} == before


def test_a_cancel_while_a_plan_is_made_is_not_an_error(
    accounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cancelled(session: HubSession, files: Sequence[Path], *, full: bool) -> PlannedCards:
        session.hub.transport.cancel.cancel()
        return plan_cards(session, files, full=full)

    manifest = three(accounts)
    with monkeypatch.context() as patch:
        patch.setattr("hubtools.fleet.publisher.plan_cards", cancelled)
        done = go(manifest)
    assert (done.state.trained, done.state.published) == (3, 0)
    assert go(manifest).error() is None
    assert on_hub(accounts) == ["m0", "m1", "m2"]


def test_a_full_disk_ends_the_run_and_room_lets_it_go_on(folder: Path) -> None:
    write_accounts(folder, 4)
    rows = [f'sources = "a{number}.zip"' for number in range(4)]
    manifest = write_manifest(folder / "fleet.toml", *rows)
    (folder / "models").mkdir()
    arguments = ["fleet", "run", "fleet.toml", "--workers", "0", "--no-publish"]
    result = on_a_file_system("size=16k", folder / "models", *arguments)
    assert result.returncode == 1, result.stderr
    assert "no space left" in result.stderr.splitlines()[-1].lower()
    assert "Traceback" not in result.stderr
    assert go(manifest, publish=False).state.trained == 4


def test_the_command_line_says_what_failed_and_ends_with_8(accounts: Path) -> None:
    write_manifest(accounts / "fleet.toml", 'sources = "a0.zip"', 'sources = "gone.zip"')
    result = command("fleet", "run", "fleet.toml", "--workers", "0", "--json", cwd=accounts)
    assert result.returncode == 8
    document = json.loads(result.stdout)
    assert (document["trained"], document["total"]) == (1, 2)
    assert document["failed"][0]["name"] == "gone"
    assert document["models"][0]["bits_per_byte"] > 0
    assert result.stderr.splitlines()[-1].startswith("Error: 1 of 2 models")
    shown = command("fleet", "status", cwd=accounts)
    assert "gone (fleet.toml: models[2])" in shown.stdout
