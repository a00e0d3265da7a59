"""The server as a command."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import OutputError
from hubtools.core.events import Reporter
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from hubtools.localhub.types import RepoId
from hubtools.services.serve import ServeRequest, serve
from tests.localhub.models import put
from tests.localhub.test_durability import start_server


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_normal_end(root: Path, end: signal.Signals) -> None:
    process, url = start_server(root)
    assert process.stderr is not None
    notes = process.stderr.readline()
    assert f"HF_ENDPOINT={url} HF_HUB_DISABLE_XET=1" in notes
    while not _answers(url):
        pass
    process.send_signal(end)
    _, rest = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in rest


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/api/models").is_success
    except httpx2.TransportError:
        return False


def test_a_taken_port_is_an_error(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OutputError) as caught:
            serve(ServeRequest(folder=root, port=port), Reporter(), CancelToken())
    assert caught.value.where == f"127.0.0.1:{port}"
    assert caught.value.fix is not None and "--port" in caught.value.fix


def test_a_file_in_the_way_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("not a folder")
    with pytest.raises(OutputError), serving(tmp_path / "hub"):
        pass


def test_a_file_that_is_not_a_database_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "hub.sqlite3").write_text("not a database" * 1000)
    with pytest.raises(OutputError), serving(tmp_path):
        pass


def test_the_server_is_gone_after_the_block(root: Path) -> None:
    with serving(root) as url:
        assert httpx2.get(f"{url}/api/models").json() == []
        assert httpx2.get(f"{url}/api/agent-harnesses").status_code == 404
        assert httpx2.get(f"{url}/api/models/me/m/xet-write-token/main").status_code == 404
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{url}/api/models")


def test_beyond_this_machine_it_is_read_only_without_a_token(root: Path) -> None:
    with closing(Store(root)) as store:
        put(store, "me/open", {"README.md": b"# Open"})
        put(store, "me/closed", {"README.md": b"# Closed"})
        store.configure(RepoId("me", "closed"), private=True, gated=None)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "hubtools",
            "hub",
            "serve",
            root,
            "--host",
            "0.0.0.0",
            "--port",
            "0",
        ],
        env={key: value for key, value in os.environ.items() if key != "HUBTOOLS_HUB_TOKEN"},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1].replace("0.0.0.0", "127.0.0.1")
        notes = process.stderr.readline() + process.stderr.readline()
        assert "read-only" in notes
        while not _answers(url):
            pass
        anybody = HfApi(endpoint=url, token="hf_anything")
        assert [model.id for model in anybody.list_models()] == ["me/open"]
        with pytest.raises(HfHubHTTPError, match="read-only") as caught:
            anybody.create_repo("me/mine")
        assert caught.value.response.status_code == 403
        with pytest.raises(HfHubHTTPError, match="read-only"):
            anybody.delete_repo("me/open")
        with pytest.raises(HfHubHTTPError, match="read-only"):
            anybody.upload_file(path_or_fileobj=b"x", path_in_repo="x", repo_id="me/open")
        assert httpx2.get(f"{url}/me/closed").status_code == 404
        assert httpx2.get(f"{url}/me/open").is_success
    finally:
        process.kill()
        process.wait()
