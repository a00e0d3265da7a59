"""The demo as a Space: what its files say, and how they get to a Hub."""

from __future__ import annotations

import ast
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from hubtools.cards.frontmatter import read_front_matter
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import AccessError, ConflictError, UsageError
from hubtools.core.events import Reporter
from hubtools.demo.options import DemoLimits, DemoOptions
from hubtools.demo.push import SpaceRequest, plan_space, push_space
from hubtools.demo.space import space_files, write_space
from hubtools.localhub.access import Access
from hubtools.localhub.faults import Call, Cut, Fault, Faults, Respond
from hubtools.localhub.server import serving
from hubtools.sync.apply import ApplyResult
from hubtools.sync.plan import Change, Plan
from tests.conftest import REPOSITORY
from tests.makers import command, write_recipe

pytest.importorskip("gradio")
SPACE = "ada/posts-to-model"
OPTIONS = DemoOptions(
    base="scratch", prompt="My dream is", seed=7, limits=DemoLimits(max_train_minutes=10)
)
TOKEN = "hf_secretsecretsecret"
COMMITS = f"/api/spaces/{SPACE}/commit/*"


@dataclass(frozen=True)
class Place:
    """A served Hub, and a client of it that is not ours."""

    folder: Path
    url: str
    api: HfApi
    faults: Faults

    def request(self, options: DemoOptions) -> SpaceRequest:
        return SpaceRequest(project=Project(self.folder), space=SPACE, options=options, to=self.url)

    def push(
        self, options: DemoOptions = OPTIONS, between: Callable[[], object] = lambda: None
    ) -> ApplyResult:
        """Plan and apply, with something in between."""

        def confirm(plan: Plan) -> bool:
            between()
            return True

        request = replace(self.request(options), confirm=confirm)
        return push_space(request, Reporter(), CancelToken()).applied

    def plan(self, options: DemoOptions = OPTIONS) -> Change:
        plan = plan_space(self.request(options), Reporter(), CancelToken())
        (change,) = plan.changes
        return change

    def make(self) -> None:
        """Somebody makes the Space in the browser."""
        self.api.create_repo(SPACE, repo_type="space", space_sdk="gradio")

    def edit(self, **files: str) -> None:
        """Somebody changes files: `app="…"` is app.py, `README="…"` the README."""
        names = {"app": "app.py", "README": "README.md", "space": "space.json"}
        operations = [CommitOperationAdd(names[n], text.encode()) for n, text in files.items()]
        self.api.create_commit(SPACE, operations, commit_message="Mine", repo_type="space")

    def read(self, path: str) -> str:
        info = self.api.space_info(SPACE)
        file = self.api.hf_hub_download(SPACE, path, repo_type="space", revision=info.sha)
        return Path(file).read_text(encoding="utf-8")

    @property
    def files(self) -> Mapping[str, str]:
        names = self.api.list_repo_files(SPACE, repo_type="space")
        return {name: self.read(name) for name in names if name != ".gitattributes"}

    @property
    def titles(self) -> list[str]:
        return [c.title for c in self.api.list_repo_commits(SPACE, repo_type="space")]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    faults = Faults()
    with serving(tmp_path / "hub", access=Access("ada", (), TOKEN), faults=faults) as url:
        yield Place(tmp_path, url, HfApi(url, token=TOKEN), faults)


def test_the_files_say_what_a_space_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtools.demo.space.installed_action", lambda: None)
    recipe = write_recipe(tmp_path / "own.toml")
    files = space_files(SPACE, replace(OPTIONS, recipe=str(recipe)))
    assert list(files) == ["README.md", "app.py", "requirements.txt", "recipe.toml", "space.json"]
    front, _, body = read_front_matter(files["README.md"])
    assert front["sdk"] == "gradio" and front["app_file"] == "app.py"
    assert front["sdk_version"].split(".")[0] == "6"
    assert "A machine writes every text" in body
    assert files["requirements.txt"].startswith("hf-hubtools[demo,train]")
    assert "private=False" in files["app.py"] and str(tmp_path) not in "".join(files.values())
    ast.parse(files["app.py"])


def test_a_hubtools_from_github_is_installed_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtools.demo.space.installed_action", lambda: "acme/hub@0123abc")
    needed = space_files(SPACE, OPTIONS)["requirements.txt"]
    assert needed == "hf-hubtools[demo,train] @ git+https://github.com/acme/hub@0123abc\n"


def test_a_base_of_this_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        space_files(SPACE, replace(OPTIONS, base=str(tmp_path)))
    assert caught.value.where == str(tmp_path) and caught.value.fix
    with pytest.raises(UsageError):
        space_files("posts-to-model", OPTIONS)


def test_the_app_starts_a_page_for_strangers(tmp_path: Path) -> None:
    write_space(tmp_path, SPACE, OPTIONS)
    script = (
        "import runpy, hubtools.demo.server as server\n"
        "def serve(request, reporter, cancel):\n"
        "    options = request.options\n"
        "    print(options.private, request.host, options.limits.max_train_minutes)\n"
        "server.serve_demo = serve\n"
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


def test_the_plan_says_what_would_change_and_changes_nothing(place: Place) -> None:
    change = place.plan()
    assert (change.repo, change.action) == (f"spaces/{SPACE}", "create")
    assert change.revision is None
    assert list(change.files) == ["README.md", "app.py", "requirements.txt", "space.json"]
    assert {asked.method for asked in place.faults.log} == {"GET"}
    assert not place.api.repo_exists(SPACE, repo_type="space")


def test_it_is_made_and_filled_in_one_commit(place: Place) -> None:
    done = place.push()
    assert (done.applied, done.error()) == (1, None)
    assert place.titles == ["Create the demo", "initial commit"]
    assert place.files == space_files(SPACE, OPTIONS)
    assert place.api.space_info(SPACE).sdk == "gradio"
    assert place.api.space_info(SPACE).sha == done.revisions[f"spaces/{SPACE}"]


def test_what_is_as_it_should_be_is_not_sent(place: Place) -> None:
    place.push()
    assert place.plan().action == "unchanged"
    done = place.push()
    assert (done.applied, done.unchanged) == (0, 1) and len(place.titles) == 2


def test_an_update_sends_what_changed(place: Place) -> None:
    place.push()
    other = replace(OPTIONS, seed=8)
    change = place.plan(other)
    assert (change.action, list(change.files)) == ("update", ["app.py", "space.json"])
    assert place.push(other).applied == 1
    assert place.titles[0] == "Update the demo" and place.files == space_files(SPACE, other)


def test_a_space_as_the_hub_makes_it_is_filled(place: Place) -> None:
    place.make()
    assert place.plan().action == "create"
    assert place.push().applied == 1
    assert place.files == space_files(SPACE, OPTIONS)


@pytest.mark.parametrize("edit", [{"app": "mine"}, {"README": "Mine"}, {"space": "{}"}])
def test_somebody_elses_change_is_left_alone(place: Place, edit: dict[str, str]) -> None:
    place.push()
    place.edit(**edit)
    before = place.files
    change = place.plan(replace(OPTIONS, seed=8))
    assert change.action == "conflict" and "hubtools pull" not in change.reason
    done = place.push(replace(OPTIONS, seed=8))
    error = done.error()
    assert isinstance(error, ConflictError) and error.exit_code == 6
    assert error.where == SPACE and error.fix and "hubtools pull" not in error.fix
    assert place.files == before


def test_another_program_on_a_space_is_left_alone(place: Place) -> None:
    place.make()
    place.edit(app="print('another program')")
    assert isinstance(place.push().error(), ConflictError)
    assert place.read("app.py") == "print('another program')"


def test_words_in_the_readme_of_a_new_space_are_left_alone(place: Place) -> None:
    place.make()
    place.edit(README="What I am going to build here.")
    assert isinstance(place.push().error(), ConflictError)
    assert place.read("README.md") == "What I am going to build here."


def test_what_came_between_plan_and_apply_is_left_alone(place: Place) -> None:
    place.push()
    done = place.push(replace(OPTIONS, seed=8), lambda: place.edit(app="mine"))
    assert isinstance(done.error(), ConflictError) and place.read("app.py") == "mine"


def test_what_somebody_made_between_plan_and_apply_is_left_alone(place: Place) -> None:
    def rival() -> None:
        place.make()
        place.edit(app="mine")

    assert isinstance(place.push(between=rival).error(), ConflictError)
    assert place.read("app.py") == "mine"


@pytest.mark.parametrize("cut", ["before", "during", "after"])
@pytest.mark.parametrize("path", ["/api/repos/create", COMMITS])
def test_an_answer_that_was_lost_is_looked_up(place: Place, path: str, cut: str) -> None:
    place.faults.use(Fault(Cut(cut), "POST", path, nth=(1,)))  # type: ignore[arg-type]
    assert place.push().applied == 1
    again = path != COMMITS or cut == "before"
    assert place.faults.count("POST", path) == (2 if again else 1)
    assert place.titles == ["Create the demo", "initial commit"]
    assert place.files == space_files(SPACE, OPTIONS)


def test_a_rivals_commit_behind_a_lost_answer_is_left_alone(place: Place) -> None:
    place.push()
    place.faults.use(
        Fault(Cut("before"), "POST", COMMITS, nth=(1,)),
        Fault(Call(lambda _: place.edit(app="mine")), "GET", f"/api/spaces/{SPACE}/commits/main"),
    )
    done = place.push(replace(OPTIONS, seed=8))
    assert isinstance(done.error(), ConflictError) and place.read("app.py") == "mine"


def test_a_hub_that_fails_for_now_is_asked_again(place: Place) -> None:
    place.faults.use(Fault(Respond(503), nth=(1, 3, 5)))
    assert place.push().applied == 1 and len(place.titles) == 2


def test_a_space_with_another_name_now_is_named(place: Place) -> None:
    place.push()
    place.api.move_repo(SPACE, "ada/other", repo_type="space")
    with pytest.raises(ConflictError) as caught:
        place.plan()
    assert "--space ada/other" in (caught.value.fix or "")


def test_who_may_not_write_is_told_before_anything_is_planned(place: Place) -> None:
    request = replace(place.request(OPTIONS), space="acme/demo")
    with pytest.raises(AccessError):
        push_space(request, Reporter(), CancelToken())
    assert {asked.method for asked in place.faults.log} == {"GET"}


def test_the_command_plans_and_applies(tmp_path: Path) -> None:
    arguments = ("demo", "--space", SPACE, "--to", "local:hub")
    planned = command(*arguments, "--dry-run", cwd=tmp_path)
    change, *files, counts = planned.stdout.splitlines()
    assert change.split()[:3] == ["+", "create", f"spaces/{SPACE}"]
    assert [file.strip() for file in files] == list(space_files(SPACE, OPTIONS))
    assert counts.startswith(f"ada on local:{tmp_path}/hub")
    document = json.loads(command(*arguments, "--dry-run", "--json", cwd=tmp_path).stdout)
    assert document["changes"][0]["action"] == "create"
    assert document.keys() == {"to", "namespace", "requests", "changes"}

    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"7878/spaces/{SPACE} " in done.stdout.splitlines()[-1]
    again = json.loads(command(*arguments, "--json", cwd=tmp_path).stdout)
    assert (again["applied"], again["unchanged"], again["space"]) == (0, 1, SPACE)

    with serving(tmp_path / "hub") as url:
        api = HfApi(url, token="any")
        edit = [CommitOperationAdd("app.py", b"mine")]
        api.create_commit(SPACE, edit, commit_message="Mine", repo_type="space")
    refused = command(*arguments, "--json", cwd=tmp_path)
    assert refused.returncode == 6 and refused.stderr.startswith(f"Error: {SPACE}: app.py")
    (conflict,) = json.loads(refused.stdout)["conflicts"]
    assert conflict["repo"] == f"spaces/{SPACE}"


@pytest.mark.parametrize("answer", ["n", "y"])
def test_a_person_is_asked_first(answer: str, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with closing(os.fdopen(ours, "wb", buffering=0)) as terminal:
        process = subprocess.Popen(
            [sys.executable, "-m", "hubtools", "demo", "--space", SPACE, "--to", "local:hub"],
            cwd=tmp_path,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        terminal.write(f"{answer}\n".encode())
        out, err = process.communicate(timeout=120)
    os.close(theirs)
    assert f"Change the Space {SPACE}" in err
    assert ("Its files are at" in out) == (answer == "y")
    assert (process.returncode == 0) == (answer == "y")


def test_options_of_a_space_need_one(tmp_path: Path) -> None:
    done = command("demo", "--dry-run", cwd=tmp_path)
    assert done.returncode == 2 and "--space" in done.stderr
