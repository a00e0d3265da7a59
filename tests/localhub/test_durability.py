"""Kills in the middle, and several processes at one folder."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from hubtools.localhub.types import AddFile, NewCommit, RepoId
from tests.conftest import Unprivileged
from tests.localhub.conftest import check_consistency

REPO = RepoId("me", "m")
SERVER = """
import sys
from pathlib import Path
from hubtools.cli.terminal import terminal_reporter
from hubtools.core.cancel import cancel_on_interrupt
from hubtools.services.serve import ServeRequest, serve
with cancel_on_interrupt() as cancel:
    serve(ServeRequest(folder=Path(sys.argv[1]), port=0), terminal_reporter(), cancel)
"""
WRITER = """
import sys
from pathlib import Path
from hubtools.localhub.errors import HeadMovedError
from hubtools.localhub.types import AddFile, NewCommit, RepoId
from hubtools.localhub.store import Store
store, repo, won = Store(Path(sys.argv[1])), RepoId("me", "m"), 0
for n in range(40):
    with store.snapshot() as snapshot:
        head = snapshot.repo(repo).head
    with store.objects.staging() as staging:
        content = staging.add(f"{sys.argv[2]} {n}".encode())
        try:
            store.commit(repo, NewCommit(sys.argv[2], "x", (AddFile("f", content),), parent=head))
            won += 1
        except HeadMovedError:
            pass
print(won)
"""


def start_server(
    root: Path, *, largest_file: int = resource.RLIM_INFINITY
) -> tuple[subprocess.Popen[str], str]:
    """A server in a process of its own, which cannot write larger files, and its address."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))

    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(root)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limit,
    )
    assert process.stderr is not None
    return process, process.stderr.readline().split()[-1]


def _commits_until_killed(process: subprocess.Popen[str], url: str, goal: int) -> str:
    """Commit in a loop while another thread kills the server; the last acknowledged commit."""
    enough = threading.Event()

    def kill() -> None:
        enough.wait()
        process.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    with httpx2.Client(base_url=url) as client:
        last = str(client.get("/api/models/me/m").json()["sha"])
        with suppress(httpx2.TransportError):
            for n in range(1000):
                if n == goal:
                    enough.set()
                made = client.post("/api/models/me/m/commit/main", content=_lines(n))
                last = made.json()["commitOid"]
    killer.join()
    process.wait()
    return last


def _lines(n: int) -> str:
    files = {"n.txt": str(n), "w.txt": os.urandom(100_000).hex(), f"d/{n}.txt": "x" * n}
    lines: list[dict[str, object]] = [{"key": "header", "value": {"summary": f"n{n}"}}]
    lines += [{"key": "file", "value": {"path": p, "content": c}} for p, c in files.items()]
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_a_killed_server_leaves_a_consistent_folder(root: Path) -> None:
    with closing(Store(root)) as store:
        store.create(REPO, author="me")
    for goal in (3, 8, 20):
        process, url = start_server(root)
        acknowledged = _commits_until_killed(process, url, goal)
        assert process.returncode == -signal.SIGKILL
        with closing(Store(root)) as store, store.snapshot() as snapshot:
            repo = snapshot.repo(REPO)
            oids = [commit.oid for commit in snapshot.commits(repo, repo.seq, 10_000)]
        assert acknowledged in oids[:2]
        assert not list((root / "incoming").iterdir())
        check_consistency(root)


def test_a_full_disk_is_an_error_and_leaves_nothing_half_written(root: Path) -> None:
    """The system refuses to let a file grow, at the upload first and then in the database."""
    with closing(Store(root)) as store:
        store.create(REPO, author="me")
    process, url = start_server(root, largest_file=1 << 20)
    try:
        api = HfApi(endpoint=url, token="any")
        with pytest.raises(RuntimeError, match="Error while uploading") as caught:
            api.upload_file(path_or_fileobj=bytes(2 << 20), path_in_repo="w.bin", repo_id="me/m")
        cause = caught.value.__cause__
        assert isinstance(cause, HfHubHTTPError) and cause.response.status_code == 507
        landed = 0
        while (status := _commit_status(url, landed)) == 200:
            landed += 1
        assert (status, landed > 0) == (507, True)
        assert len(api.list_repo_commits("me/m")) == 1 + landed
        assert not list((root / "incoming").iterdir())
    finally:
        process.terminate()
        process.communicate()
    with closing(Store(root)) as store:  # there is room again
        store.put(REPO, {"a": b"b"}, author="me")
    check_consistency(root)


def _commit_status(url: str, n: int) -> int:
    answer = httpx2.post(f"{url}/api/models/me/m/commit/main", content=_lines(n))
    return answer.status_code


def test_what_a_killed_writer_left_is_swept_and_a_living_one_is_not(root: Path) -> None:
    with closing(Store(root)) as store:
        dead = root / "incoming" / "dead"
        dead.mkdir()
        (dead / "1").write_bytes(b"half")
        with store.objects.staging() as staging:
            living = staging.add(b"alive")
            with closing(Store(root)):
                pass
            assert not dead.exists()
            assert living.path.read_bytes() == b"alive"
            store.create(REPO, author="me")
            store.commit(REPO, NewCommit("me", "x", (AddFile("a", living),)))
    check_consistency(root)


def test_two_processes_commit_at_once(root: Path) -> None:
    with closing(Store(root)) as store:
        store.create(REPO, author="me")
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(root), name], stdout=subprocess.PIPE, text=True
            )
            for name in ("left", "right")
        ]
        won = [int(writer.communicate()[0]) for writer in writers]
        assert all(writer.returncode == 0 for writer in writers)
        with store.snapshot() as snapshot:
            assert snapshot.repo(REPO).seq == 1 + sum(won)
    check_consistency(root)


def test_exactly_one_of_many_wins_a_parent(root: Path) -> None:
    with serving(root) as left, serving(root) as right:
        HfApi(endpoint=left, token="x").create_repo("me/m")
        head = HfApi(endpoint=right, token="x").model_info("me/m").sha

        def commit(n: int) -> int:
            lines = (
                f'{{"key":"header","value":{{"summary":"{n}","parentCommit":"{head}"}}}}\n'
                f'{{"key":"file","value":{{"path":"a","content":"{n}"}}}}\n'
            )
            url = (left, right)[n % 2]
            answer = httpx2.post(f"{url}/api/models/me/m/commit/main", content=lines)
            return answer.status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(commit, range(16)))
    assert statuses == [200] + [412] * 15
    check_consistency(root)


def test_processes_that_open_a_new_folder_at_once(root: Path) -> None:
    code = "import sys; from pathlib import Path; from hubtools.localhub.store import Store; "
    code += "Store(Path(sys.argv[1])).close()"
    started = [subprocess.Popen([sys.executable, "-c", code, str(root)]) for _ in range(4)]
    assert [process.wait() for process in started] == [0] * 4


def test_a_folder_that_cannot_be_written(tmp_path: Path, unprivileged: Unprivileged) -> None:
    from hubtools.core.errors import OutputError

    tmp_path.chmod(0o500)
    with unprivileged(), pytest.raises(OutputError):
        Store(tmp_path / "hub")
