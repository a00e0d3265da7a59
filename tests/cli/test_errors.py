"""Wrong input to the real command: one line, the right exit code, nothing half-written."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hubtools.localhub.access import Access
from hubtools.localhub.server import serving
from tests.makers import command, posts, write_archive, write_recipe

Make = Callable[[Path], Path]


def no_archive(file: Path) -> Path:
    file.write_bytes(bytes(range(256)) * 40)
    return file


def no_tweets(file: Path) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("holiday.txt", "no tweets in here")
    return file


def truncated(file: Path) -> Path:
    whole = write_archive(file).read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    return file


def broken_json(file: Path) -> Path:
    file.write_text('{"text": "a fine first line"}\n{"text": "a fine second"}\n{"text": oops}\n')
    return file


def climbing(file: Path) -> Path:
    write_archive(file)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../evil.txt", "x")
    return file


def bomb(file: Path) -> Path:
    """Some 100 GB of spaces by what the zip says, a kilobyte on the disk."""
    write_archive(file)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/tweets-part1.js", " " * 1000)
    data = bytearray(file.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    file.write_bytes(data)
    return file


def climbing_handle(file: Path) -> Path:
    return write_archive(file, handle="../../evil")


def text(content: str) -> Make:
    def make(file: Path) -> Path:
        file.write_text(content)
        return file

    return make


CASES: dict[str, tuple[str, Make, str]] = {
    "no archive": ("me.zip", no_archive, "me.zip: "),
    "no tweets": ("me.zip", no_tweets, "me.zip: "),
    "truncated zip": ("me.zip", truncated, "me.zip: "),
    "broken JSON": ("me.jsonl", broken_json, "me.jsonl:3: "),
    "empty CSV": ("me.csv", text(""), "me.csv: "),
    "CSV of a header": ("me.csv", text("date,text\n"), "me.csv: "),
    "no text column": ("me.csv", text("day,wind\n1,2\n"), "day, wind"),
    "no such file": ("me.zip", lambda file: file, "me.zip: "),
    "climbing entry": ("me.zip", climbing, "../../evil.txt"),
    "100 GB": ("me.zip", bomb, "data/tweets-part1.js: "),
    "climbing handle": ("me.zip", climbing_handle, "../../evil"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_source_that_cannot_be_read(case: str, folder: Path) -> None:
    name, make, message = CASES[case]
    source = make(folder / name)
    before = sorted(folder.rglob("*"))
    result = command("publish", source.name, "--base", "scratch", cwd=folder)
    assert result.returncode == 1, result.stderr
    assert_one_line(result.stderr, message)
    assert result.stdout == ""
    assert sorted(folder.rglob("*")) == before
    assert not (folder.parent.parent / "evil.txt").exists()


def assert_one_line(stderr: str, message: str) -> None:
    *notes, last = stderr.splitlines()
    assert last.startswith("Error: "), stderr
    assert message in last
    assert "Traceback" not in stderr
    assert not [note for note in notes if note.startswith("Error")]


@pytest.fixture
def ready(folder: Path) -> Path:
    """A folder where `publish me.zip --recipe tiny.toml` would succeed."""
    write_archive(folder / "me.zip")
    write_recipe(folder / "tiny.toml")
    return folder


PUBLISH = ("publish", "me.zip", "--base", "scratch", "--recipe", "tiny.toml")


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--base", "./gone"), 1, "./gone: "),
        (("--base", "."), 1, "config.json"),
        (("--recipe", "gone"), 1, "default, huggingtweets, lora, scratch"),
        (("--recipe", "default"), 1, "scratch"),
        (("--namespace", "../up"), 2, "'../up'"),
        (("--name", "a/b"), 2, "'a/b'"),
        (("--to", "ftp://x"), 2, "ftp://x"),
        (("--to", "http://hub.example"), 2, "https://hub.example"),
    ],
)
def test_an_option_that_cannot_be_used(
    options: tuple[str, str], code: int, message: str, ready: Path
) -> None:
    before = sorted(ready.rglob("*"))
    result = command(*PUBLISH, *options, cwd=ready)
    assert result.returncode == code, result.stderr
    assert_one_line(result.stderr, message)
    assert sorted(ready.rglob("*")) == before


def test_too_few_posts(folder: Path) -> None:
    write_archive(folder / "me.zip", posts(30))
    result = command("publish", "me.zip", "--base", "scratch", cwd=folder)
    assert result.returncode == 7
    assert_one_line(result.stderr, "6,000")


def test_a_wrong_token_and_a_forbidden_namespace(ready: Path) -> None:
    access = Access(user="ada", token="the-right-token")
    with serving(ready / "hub", access=access) as endpoint:
        wrong = command(*PUBLISH, "--to", endpoint, cwd=ready, env={"HF_TOKEN": "a-wrong-token"})
        missing = command(*PUBLISH, "--to", endpoint, cwd=ready)
        forbidden = command(
            *PUBLISH, "--to", endpoint, "--namespace", "quays",
            cwd=ready, env={"HF_TOKEN": "the-right-token"},
        )  # fmt: skip
    for result in (wrong, missing, forbidden):
        assert result.returncode == 4, result.stderr
        assert_one_line(result.stderr, "")
        assert "-token" not in result.stderr + result.stdout
    assert "ada" in forbidden.stderr and "quays" in forbidden.stderr
    assert not (ready / "models").exists()


def test_a_hub_that_is_away(ready: Path) -> None:
    address = "http://127.0.0.1:9"
    result = command(*PUBLISH, "--to", address, cwd=ready, env={"HF_TOKEN": "t"})
    assert result.returncode == 5
    assert_one_line(result.stderr, f"{address}: ")


def test_an_output_folder_that_cannot_be_written(ready: Path) -> None:
    (ready / "models").write_text("a file, not a folder")
    result = command(*PUBLISH, cwd=ready)
    assert result.returncode == 1
    assert_one_line(result.stderr, "models")
    assert not (ready / "cards").exists()


def on_a_file_system(
    options: str, folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """`hubtools` with a real file system of its own at `folder`, in a name space of its own."""
    mount = f"mount -t tmpfs -o {options} none {folder}"
    script = f'{mount} && exec {sys.executable} -m hubtools "$@"'
    return subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", *arguments],
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_folder_that_is_read_only(ready: Path) -> None:
    (ready / "models").mkdir()
    result = on_a_file_system("ro", ready / "models", *PUBLISH)
    assert result.returncode == 1, result.stderr
    assert_one_line(result.stderr, "read-only file system")
    assert not (ready / "cards").exists()


def test_a_disk_without_space(ready: Path) -> None:
    (ready / "models").mkdir()
    result = on_a_file_system("size=400k", ready / "models", *PUBLISH)
    assert result.returncode == 1, result.stderr
    assert_one_line(result.stderr, "no space left")
    assert not (ready / "cards").exists()
    assert not (ready / "hub").exists()
    assert command(*PUBLISH, cwd=ready).returncode == 0


def test_a_file_that_may_not_grow(ready: Path) -> None:
    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))

    result = subprocess.run(
        [sys.executable, "-m", "hubtools", *PUBLISH],
        cwd=ready,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )
    assert result.returncode == 1, result.stderr
    assert_one_line(result.stderr, "too large")
    assert not (ready / "models/fogwatch").exists()


def test_a_traceback_is_for_those_who_ask(folder: Path) -> None:
    quiet = command("posts", "stats", "gone.zip", cwd=folder)
    loud = command("posts", "stats", "gone.zip", "-vv", cwd=folder)
    assert (quiet.returncode, loud.returncode) == (1, 1)
    assert "Traceback" not in quiet.stderr
    assert "Traceback" in loud.stderr
    assert loud.stderr.splitlines()[-1] == quiet.stderr.splitlines()[-1]


def test_a_command_without_the_extra_says_what_to_install(ready: Path) -> None:
    (ready / "sitecustomize.py").write_text("import sys; sys.modules['torch'] = None")
    path = os.pathsep.join([str(ready), *filter(None, [os.environ.get("PYTHONPATH")])])
    result = command(*PUBLISH, cwd=ready, env={"PYTHONPATH": path})
    assert result.returncode == 1
    assert_one_line(result.stderr, "pip install 'hf-hubtools[train]")


def test_a_configuration_with_a_typo(ready: Path) -> None:
    (ready / "hubtools.toml").write_text('[hub]\nnamspace = "acme"\n')
    result = command(*PUBLISH, cwd=ready)
    assert result.returncode == 1
    assert_one_line(result.stderr, "'hub.namspace'")
