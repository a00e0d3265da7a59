"""The demo as a Space: what its files say, and what is sent to a Hub.

The local Hub has no Spaces; a stub stands for the five addresses of a Hub's API that are asked,
and the unmodified client talks to it.
"""

from __future__ import annotations

import ast
import base64
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubtools.cards.frontmatter import read_front_matter
from hubtools.demo.limits import Limits
from hubtools.demo.settings import Settings
from hubtools.demo.space import push_space, space_files, write_space
from hubtools.errors import ConflictError, UsageError
from tests.conftest import REPOSITORY
from tests.makers import command, write_recipe

pytest.importorskip("gradio")
SPACE = "ada/posts-to-model"
SETTINGS = Settings(base="scratch", prompt="My dream is", seed=7, limits=Limits(minutes=10))


@dataclass
class Stub:
    """One Space, and the requests that changed it."""

    files: dict[str, bytes] = field(default_factory=lambda: {"README.md": b"as the Hub makes it"})
    head: int = 1
    created: list[dict[str, object]] = field(default_factory=list)
    commits: list[dict[str, object]] = field(default_factory=list)
    url: str = ""

    async def create(self, request: Request) -> Response:
        self.created.append(await request.json())
        return JSONResponse({"url": f"{self.url}/spaces/{SPACE}", "name": SPACE})

    async def info(self, request: Request) -> Response:
        siblings = [{"rfilename": name} for name in self.files]
        return JSONResponse({"id": SPACE, "sha": f"{self.head:040x}", "siblings": siblings})

    async def resolve(self, request: Request) -> Response:
        return Response(self.files[request.path_params["path"]])

    async def preupload(self, request: Request) -> Response:
        asked = (await request.json())["files"]
        files = [
            {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in asked
        ]
        return JSONResponse({"files": files})

    async def commit(self, request: Request) -> Response:
        lines = [json.loads(line) for line in (await request.body()).splitlines()]
        header, *rest = (line["value"] for line in lines)
        if header["parentCommit"] != f"{self.head:040x}":
            return JSONResponse({"error": "moved"}, status_code=412)
        for one in rest:
            self.files[one["path"]] = base64.b64decode(one["content"])
        self.head += 1
        self.commits.append(header)
        done = {
            "commitUrl": f"{self.url}/spaces/{SPACE}/commit/{self.head:040x}",
            "commitOid": f"{self.head:040x}",
        }
        return JSONResponse({**done, "pullRequestUrl": None})


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    monkeypatch.setenv("HF_TOKEN", "for-tests")
    made, api = Stub(), f"/api/spaces/{SPACE}"
    routes = [
        Route("/api/repos/create", made.create, methods=["POST"]),
        Route("/api/validate-yaml", lambda _: JSONResponse({}), methods=["POST"]),
        Route(api, made.info),
        Route(f"{api}/preupload/main", made.preupload, methods=["POST"]),
        Route(f"{api}/commit/main", made.commit, methods=["POST"]),
        Route(f"/spaces/{SPACE}/resolve/{{revision}}/{{path}}", made.resolve),
    ]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield made
    server.should_exit = True
    thread.join()


def test_the_files_say_what_a_space_needs(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "own.toml")
    files = space_files(SPACE, replace(SETTINGS, recipe=str(recipe)))
    assert list(files) == ["README.md", "app.py", "requirements.txt", "recipe.toml", "space.json"]
    front, _, body = read_front_matter(files["README.md"])
    assert front["sdk"] == "gradio" and front["app_file"] == "app.py"
    assert front["sdk_version"].split(".")[0] == "6"
    assert "A machine writes every text" in body
    assert "hubtools[demo,train]==" in files["requirements.txt"]
    assert "private=False" in files["app.py"] and str(tmp_path) not in "".join(files.values())
    ast.parse(files["app.py"])


def test_a_base_of_this_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="folder of this machine"):
        space_files(SPACE, replace(SETTINGS, base=str(tmp_path)))
    with pytest.raises(UsageError, match="OWNER/NAME"):
        space_files("posts-to-model", SETTINGS)


def test_the_app_starts_a_page_for_strangers(tmp_path: Path) -> None:
    write_space(tmp_path, SPACE, SETTINGS)
    script = (
        "import runpy, hubtools.demo.server as server\n"
        "def serve(s, project, host, *rest, **more):\n"
        "    print(s.private, host, s.limits.minutes)\n"
        "server.serve = serve\n"
        "runpy.run_path('app.py', run_name='__main__')"
    )
    said = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stdout.split() == ["False", "0.0.0.0", "10"], said.stderr


def test_the_command_writes_the_folder(tmp_path: Path) -> None:
    done = command("demo", "--space", SPACE, "--out", "space", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = json.loads(done.stdout)["files"]
    assert sorted(names) == sorted(path.name for path in (tmp_path / "space").iterdir())


def test_it_is_made_and_filled_in_one_commit(stub: Stub) -> None:
    assert push_space(SPACE, SETTINGS, stub.url) == f"{stub.url}/spaces/{SPACE}"
    (created,) = stub.created
    assert created["type"] == "space" and created["sdk"] == "gradio"
    assert len(stub.commits) == 1
    assert {name: text.decode() for name, text in stub.files.items()} == space_files(
        SPACE, SETTINGS
    )
    push_space(SPACE, SETTINGS, stub.url)
    assert len(stub.commits) == 1, "nothing to change, nothing sent"
    push_space(SPACE, replace(SETTINGS, seed=8), stub.url)
    assert len(stub.commits) == 2 and b"seed=8" in stub.files["app.py"]


def test_somebody_elses_change_is_left_alone(stub: Stub) -> None:
    push_space(SPACE, SETTINGS, stub.url)
    stub.files["app.py"] += b"# mine\n"
    with pytest.raises(ConflictError, match=r"app\.py"):
        push_space(SPACE, replace(SETTINGS, seed=8), stub.url)
    assert stub.files["app.py"].endswith(b"# mine\n")
    stub.files = {"app.py": b"another program"}
    with pytest.raises(ConflictError, match=r"app\.py"):
        push_space(SPACE, SETTINGS, stub.url)
