"""The server as a command."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import httpx2
import pytest

from hubtools.errors import OutputError
from hubtools.localhub.access import OPEN
from hubtools.localhub.server import serve, serving
from hubtools.report import SilentReporter
from tests.localhub.test_durability import start_server


def test_interrupt_is_a_normal_end(root: Path) -> None:
    process, url = start_server(root)
    assert process.stderr is not None
    told = process.stderr.readline()
    assert f"HF_ENDPOINT={url} HF_HUB_DISABLE_XET=1" in told
    while not _answers(url):
        pass
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate()
    assert process.returncode == 0
    assert "Traceback" not in rest


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/api/models").is_success
    except httpx2.TransportError:
        return False


def test_a_taken_port_is_said(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OutputError, match="the port is taken"):
            serve(root, "127.0.0.1", port, OPEN, SilentReporter())


def test_a_file_in_the_way_is_said(tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot write"), serving(tmp_path / "hub"):
        pass


def test_a_database_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "hub.sqlite3").write_text("not a database" * 1000)
    with pytest.raises(OutputError, match="cannot be used"), serving(tmp_path):
        pass


def test_the_server_is_gone_after_the_block(root: Path) -> None:
    with serving(root) as url:
        assert httpx2.get(f"{url}/api/models").json() == []
        assert httpx2.get(f"{url}/api/agent-harnesses").status_code == 404
        assert httpx2.get(f"{url}/api/models/me/m/xet-write-token/main").status_code == 404
    with pytest.raises(httpx2.TransportError):
        httpx2.get(f"{url}/api/models")
