"""The Action on pull requests and on the default branch, run step by step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubtools.localhub.faults import Fault, Respond
from tests.action.conftest import TOKEN, Place
from tests.action.github import BOT
from tests.action.runner import Job, Runner, bare_environment


def pull_request(place: Place, number: int = 7, **inputs: str) -> Job:
    return place.runner.run("pull_request", number=number, **{"to": "", **inputs})


def push(place: Place, ref: str = "refs/heads/main", **inputs: str) -> Job:
    return place.runner.run("push", ref=ref, **{"to": "", "token": TOKEN, **inputs})


def test_a_pull_request_is_answered_with_the_plan(place: Place) -> None:
    place.card("harbourlog")
    job = pull_request(place)
    assert not job.failed, job.log
    assert (job.outputs["changes"], job.outputs["conflicts"]) == ("1", "0")
    row = "| + create | `acme/harbourlog` |"
    assert row in job.outputs["plan"]
    assert row in job.summary
    (comment,) = place.github.of(BOT)
    assert row in comment
    assert "c0ffee" in comment
    assert "https://github.com/acme/cards/actions/runs/1" in comment
    report = json.loads(Path(job.outputs["report"]).read_text())
    assert [change["action"] for change in report["changes"]] == ["create"]
    assert place.models() == set()


def test_a_plan_has_no_token_that_may_write(place: Place) -> None:
    """A Hub refuses a token that it does not know; so nothing knew of this one."""
    place.card("harbourlog")
    assert not pull_request(place, token="hf_stolen").failed
    job = pull_request(place, read_token="hf_stolen")
    assert job.failed
    assert "hf_stolen" not in job.log + job.summary


def test_the_comment_is_updated(place: Place) -> None:
    place.card("harbourlog")
    pull_request(place)
    (first,) = place.github.of(BOT)
    marker = first.splitlines()[0]
    pull_request(place, number=8)
    assert len(place.github.of(BOT)) == 2
    place.github.comments.clear()
    for login in ("ada", "ben", "ada", "dependabot[bot]"):
        place.github.say(7, login, f"{marker}\nI quote this")
    place.github.say(7, BOT, f"{marker}\nold")
    place.card("fogwatch")
    pull_request(place)
    (comment,) = place.github.of(BOT)
    assert "acme/fogwatch" in comment
    assert place.github.of("ada") == [f"{marker}\nI quote this"] * 2
    for name in ("harbourlog", "fogwatch"):
        (place.folder / "cards" / f"{name}.toml").unlink()
    pull_request(place)
    (comment,) = place.github.of(BOT)
    assert "Nothing would change." in comment


def test_two_projects_have_a_comment_each(place: Place) -> None:
    place.card("harbourlog")
    place.card("fogwatch", folder="other")
    (place.folder / "hubtools.toml").rename(place.folder / "other" / "hubtools.toml")
    (place.folder / "hubtools.toml").write_text(
        (place.folder / "other" / "hubtools.toml").read_text()
    )
    for _ in range(2):
        pull_request(place)
        pull_request(place, working_directory="other")
    assert len(place.github.of(BOT)) == 2


def test_where_nothing_changes_there_is_no_comment(place: Place) -> None:
    job = pull_request(place)
    assert not job.failed
    assert "Nothing would change." in job.summary
    assert place.github.comments == []


def test_comments_can_be_turned_off(place: Place) -> None:
    place.card("harbourlog")
    job = pull_request(place, comment="false")
    assert "acme/harbourlog" in job.summary
    assert place.github.asked == []


@pytest.mark.parametrize(("status", "level"), [(403, "notice"), (502, "warning")])
def test_a_comment_that_is_refused_fails_nothing(place: Place, status: int, level: str) -> None:
    """As it is for pull requests from forks."""
    place.card("harbourlog")
    place.github.refuses = status
    job = pull_request(place)
    assert not job.failed
    assert "acme/harbourlog" in job.summary
    assert [line for line in job.commands if line.startswith(f"::{level} title=No comment::")]


def test_mistakes_are_shown_at_their_lines(place: Place) -> None:
    place.card("harbourlog", folder="my models")
    place.card("fogwatch", 'lisense = "mit"\n', folder="my models")
    place.card("gull", 'base_model = "a/b/c"\n', folder="my models")
    (place.folder / "hubtools.toml").rename(place.folder / "my models" / "hubtools.toml")
    job = pull_request(place, working_directory="my models")
    assert job.failed
    assert [line.partition("::")[2].split("::")[0] for line in job.commands][:2] == [
        "error file=my models/cards/fogwatch.toml,line=4",
        "error file=my models/cards/gull.toml,line=4",
    ]
    assert "**2 errors**" in job.summary
    (comment,) = place.github.of(BOT)
    assert "**2 errors**" in comment
    assert "exit code 1" in comment  # a card that cannot be read cannot be planned


def test_a_mistake_that_can_be_planned_is_planned(place: Place) -> None:
    place.card("gull", 'base_model = "a/b/c"\n')
    job = pull_request(place)
    assert job.failed
    assert job.steps["Exit with the exit code of hubtools"] == 1
    assert job.outputs["changes"] == "1"


def test_mistakes_of_templates_are_shown(place: Place) -> None:
    place.card("gull")
    (place.folder / "templates").mkdir()
    (place.folder / "templates" / "card.md.j2").write_text("# {{ crad.repo }}\n")
    job = pull_request(place)
    assert job.failed
    assert job.commands[0].startswith("::error file=templates/card.md.j2,line=1::'crad'")


def test_the_default_branch_is_applied(place: Place) -> None:
    place.card("harbourlog")
    place.card("fogwatch")
    job = push(place)
    assert not job.failed, job.log
    assert (job.outputs["changes"], job.outputs["conflicts"]) == ("2", "0")
    assert place.models() == {"acme/harbourlog", "acme/fogwatch"}
    assert "**2** applied" in job.summary
    assert job.outputs["plan"] in job.summary
    assert json.loads(Path(job.outputs["report"]).read_text())["applied"] == 2
    assert TOKEN not in job.log + job.summary
    assert place.github.asked == []


def test_what_was_learned_is_kept_between_runs(place: Place) -> None:
    for number in range(4):
        place.card(f"model{number}")
    push(place)
    place.runner.workspace = place.folder.rename(place.folder.with_name("fresh"))
    for old in (place.folder / ".hubtools").iterdir():
        old.unlink()
    (place.folder / ".hubtools").rmdir()
    place.faults.clear()
    job = push(place)
    assert job.outputs["changes"] == "0"
    assert place.faults.count() == 2  # who we are, and one page of the listing


@pytest.mark.parametrize(
    ("event", "ref", "mode", "applies"),
    [
        ("push", "refs/heads/feature", "auto", False),
        ("push", "refs/tags/v1", "auto", False),
        ("push", "refs/heads/main", "plan", False),
        ("push", "refs/heads/feature", "apply", True),
        ("schedule", "refs/heads/main", "auto", True),
        ("workflow_dispatch", "refs/heads/main", "auto", True),
        ("pull_request", "refs/heads/main", "apply", False),
        ("pull_request_target", "refs/heads/main", "auto", False),
    ],
)
def test_what_is_applied(
    tmp_path: Path, base_python: Path, event: str, ref: str, mode: str, applies: bool
) -> None:
    """With a hubtools that only says what it was asked to do."""
    programs = tmp_path / "venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("hubtools", "python"):
        (programs / name).write_text('#!/bin/bash\nprintf "%s " "$@"; printf "\\n"\n')
        (programs / name).chmod(0o755)
    environment = bare_environment(tmp_path / "home", base_python, tmp_path)
    runner = Runner(tmp_path, tmp_path / "temp", base_python, "", environment, programs.parent)
    number = 7 if event.startswith("pull_request") else None
    job = runner.run(event, ref=ref, number=number, mode=mode, token=TOKEN)
    assert not job.failed, job.log
    assert ("Apply" in job.steps, "Plan" in job.steps) == (applies, not applies)


def test_somebodys_edit_is_reported_and_kept(place: Place) -> None:
    card = place.card("harbourlog")
    place.card("fogwatch")
    push(place)
    place.edit("harbourlog")
    card.write_text(card.read_text().replace("My dream", "A dream"))
    place.card("gull")

    job = pull_request(place)
    assert not job.failed
    assert (job.outputs["changes"], job.outputs["conflicts"]) == ("1", "1")
    (warning,) = job.commands
    assert warning.startswith("::warning file=cards/harbourlog.toml,line=1::acme/harbourlog: ")

    job = push(place)
    assert job.failed
    assert job.steps["Exit with the exit code of hubtools"] == 6
    assert (job.outputs["changes"], job.outputs["conflicts"]) == ("1", "1")
    assert "| conflict | `acme/harbourlog` |" in job.summary
    assert json.loads(Path(job.outputs["report"]).read_text())["conflicts"]
    title, conflict = job.commands
    assert title.startswith("::error title=hubtools apply failed with exit code 6::Error: 1 of 3")
    assert conflict.startswith("::error file=cards/harbourlog.toml,line=1::acme/harbourlog: ")
    assert "Our dream was" in place.readme("harbourlog")
    assert "acme/gull" in place.models()


def test_a_limit_is_a_clear_end(place: Place) -> None:
    cards = [place.card(f"model{number}") for number in range(3)]
    push(place)
    for card in cards:
        card.write_text(card.read_text().replace("My dream", "A dream"))
    job = push(place, max_changes="2")
    assert job.failed
    assert job.steps["Exit with the exit code of hubtools"] == 7
    assert "3 models" in job.summary
    assert job.commands[0].startswith(
        "::error title=hubtools apply failed with exit code 7::Error:"
    )
    assert (job.outputs["changes"], job.outputs["report"]) == ("0", "")
    assert not push(place, max_changes="3").failed


def test_a_missing_token_is_a_clear_end(place: Place) -> None:
    place.card("harbourlog")
    job = push(place, token="")
    assert job.steps["Exit with the exit code of hubtools"] == 4
    assert "not logged in" in job.commands[0]


HOSTILE = "a$(touch pwned)`touch pwned`\"; touch pwned; \"'; touch pwned; '${{ github.token }}*"
BROKEN = "a\ntouch pwned\n::error::pwned\nmode=apply"


@pytest.mark.parametrize("text", [HOSTILE, BROKEN, "-h"], ids=["quotes", "lines", "option"])
@pytest.mark.parametrize("name", ["namespace", "max_changes", "mode", "oidc_resource", "to"])
def test_an_input_is_never_run(place: Place, name: str, text: str) -> None:
    place.card("harbourlog")
    job = push(place, **{"token": "" if name == "oidc_resource" else TOKEN, name: text})
    assert job.failed
    assert not list(place.folder.rglob("pwned"))
    assert "::error::pwned" not in job.commands
    assert place.models() == set()


@pytest.mark.parametrize("text", [HOSTILE, BROKEN, "-h"], ids=["quotes", "lines", "option"])
def test_a_folder_with_an_odd_name_is_only_a_folder(place: Place, text: str) -> None:
    folder = place.folder / text
    folder.mkdir()
    (place.folder / "hubtools.toml").rename(folder / "hubtools.toml")
    place.card("gull", 'base_model = "a/b/c"\n', folder=text)
    job = pull_request(place, working_directory=text)
    assert job.outputs["changes"] == "1", job.log
    assert not list(place.folder.rglob("pwned"))
    assert "::error::pwned" not in job.commands
    assert job.commands[0].startswith("::error file=")


def test_a_card_with_an_odd_name_is_only_a_mistake(place: Place) -> None:
    for text in (HOSTILE, BROKEN, "-h"):
        file = place.folder / "cards" / f"{text}.toml"
        file.write_text(f"repo = {json.dumps(text)}\n")
    for job in (pull_request(place), push(place)):
        assert job.failed
        assert not list(place.folder.rglob("pwned"))
        assert "::error::pwned" not in job.commands
    assert place.models() == set()


def test_what_a_hub_says_is_no_command(place: Place) -> None:
    """A server's words reach the log, where a line may be an order to the runner."""
    place.card("harbourlog")
    place.card("fogwatch")
    words = {"X-Error-Message": "no ::error::pwned ##[add-mask]a"}
    place.faults.use(Fault(Respond(400, words, "::error::pwned"), "POST", "*/harbourlog/commit/*"))
    job = push(place)
    assert job.failed
    assert job.steps["Exit with the exit code of hubtools"] == 8
    assert place.models() == {"acme/fogwatch", "acme/harbourlog"}  # the latter without its card
    assert len(job.commands) == 2
    assert all(line.startswith(("::error title=", "::error file=")) for line in job.commands)
    assert "| failed | `acme/harbourlog` |" in job.summary


def test_one_model_can_be_published_without_a_token(place: Place) -> None:
    """Trusted publishing: GitHub says who the job is, and the Hub gives it an hour's token."""
    place.card("harbourlog")
    place.card("fogwatch")
    push(place)
    for name in ("harbourlog", "fogwatch"):
        card = place.folder / "cards" / f"{name}.toml"
        card.write_text(card.read_text().replace("My dream", "A dream"))
    place.github.hub_token = TOKEN
    place.runner.environment = {
        **place.runner.environment,
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{place.runner.api}/id-token",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "runner",
        "HF_ENDPOINT": place.runner.api,
    }
    assert pull_request(place, oidc_resource="acme/harbourlog").outputs["changes"] == "1"
    assert place.github.exchanges == []

    job = push(place, token="", oidc_resource="acme/harbourlog")
    assert not job.failed, job.log
    assert job.outputs["changes"] == "1"
    (exchange,) = place.github.exchanges
    assert exchange["resource"] == "acme/harbourlog"
    assert exchange["subject_token"] == f"id-token for {place.runner.api}"
    assert "A dream" in place.readme("harbourlog")
    assert "My dream" in place.readme("fogwatch")


def test_trusted_publishing_without_permission_is_a_clear_end(place: Place) -> None:
    place.card("harbourlog")
    job = push(place, token="", oidc_resource="acme/harbourlog")
    assert job.steps["Exit with the exit code of hubtools"] == 4
    assert "id-token: write" in job.commands[0]
    both = push(place, oidc_resource="acme/harbourlog")
    assert "not both" in both.commands[0]


def test_without_a_version_the_actions_own_commit_is_installed(
    tmp_path: Path, base_python: Path
) -> None:
    """A Python that only says what it was asked to do."""
    python = tmp_path / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(
        '#!/bin/bash\nif [[ $3 == venv ]]; then mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; fi\n'
        'printf "%s\\n" "$@"\n'
    )
    python.chmod(0o755)
    runner = Runner(
        tmp_path, tmp_path / "temp", python, "", bare_environment(tmp_path, python, tmp_path)
    )
    said = runner.run("push", python_version="").log.splitlines()
    own = str(Path(__file__).parents[2])
    assert said[said.index("--constraint") + 1 : said.index("--constraint") + 3] == [
        f"{own}/constraints.txt",
        own,
    ]
    assert "own[bluesky]" in runner.run("push", version="own[bluesky]").log.splitlines()
