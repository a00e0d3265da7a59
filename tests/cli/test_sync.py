"""plan, apply, status, pull and retire as people and programs run them: exit codes and output."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hubtools.localhub.access import Access
from hubtools.localhub.faults import EXPIRED_TOKEN, Fault, Faults, Respond
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from tests.makers import command
from tests.sync.makers import Place, write_card, write_model

TOKEN = "hf_secretsecretsecret"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Three cards, and an empty local Hub in the folder where it is by default."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "hubtools.toml").write_text("")
    for name in ("gull", "poet", "tern"):
        write_card(root, name)
    with closing(Store(root / "hub")) as store:
        yield Place(root, store, "", "me", Faults())


def run(
    place: Place, *arguments: str, code: int = 0, **env: str
) -> subprocess.CompletedProcess[str]:
    clean = {"HF_HOME": str(place.root / ".hf"), "HF_TOKEN": "", **env}
    result = command(*arguments, cwd=place.root, env={**os.environ, **clean})
    assert result.returncode == code, result.stderr + result.stdout
    assert "Traceback" not in result.stderr
    return result


def said(place: Place, *arguments: str, code: int = 0, **env: str):  # type: ignore[no-untyped-def]
    """The one JSON document on stdout."""
    return json.loads(run(place, *arguments, "--json", code=code, **env).stdout)


def last_line(result: subprocess.CompletedProcess[str]) -> str:
    line = result.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    return line


def test_a_fleet_from_nothing_to_in_step(place: Place) -> None:
    plan = said(place, "plan", "--exit-code", code=3)
    assert plan.keys() == {"to", "namespace", "requests", "changes"}
    assert (plan["to"], plan["namespace"], plan["requests"]) == (f"local:{place.root}/hub", "me", 1)
    assert [change["repo"] for change in plan["changes"]] == ["me/gull", "me/poet", "me/tern"]
    first = plan["changes"][0]
    assert first.keys() == {"repo", "action", "reason", "head", "files"}
    assert (first["action"], first["head"], list(first["files"])) == ("create", None, ["README.md"])
    assert len(first["files"]["README.md"]) == 64
    assert place.names() == set(), "nothing was changed"

    status = said(place, "status")
    assert status["counts"]["create"] == status["cards"] == 3

    done = said(place, "apply")
    assert done.keys() >= {"applied", "unchanged", "conflicts", "failed", "requests", "seconds"}
    assert (done["applied"], done["unchanged"], done["conflicts"], done["failed"]) == (3, 0, [], [])
    assert done["requests"] == 10

    assert said(place, "plan", "--exit-code")["requests"] == 1
    idle = said(place, "apply")
    assert (idle["applied"], idle["unchanged"], idle["requests"]) == (0, 3, 1)
    assert "3 unchanged" in run(place, "status").stdout
    assert run(place, "apply", "-q").stdout == ""


def test_a_conflict_from_edit_to_publication(place: Place) -> None:
    run(place, "apply", "-q")
    place.put("poet", README=place.readme("poet") + "\nMine.\n")
    write_card(place.root, "gull", prose="New.")
    done = said(place, "apply", code=6)
    assert done["applied"] == 1
    (conflict,) = done["conflicts"]
    assert conflict["repo"] == "me/poet"
    assert "hubtools pull poet" in conflict["error"]
    shown = run(place, "apply", code=6)
    assert "me/poet" in last_line(shown)
    assert "! conflict" in run(place, "status").stdout
    diff = run(place, "plan", "-v").stdout
    assert "-Mine." in diff

    pulled = run(place, "pull", "poet")
    assert "+Mine." in pulled.stdout
    assert (place.root / "cards" / "poet.md").read_text() == "Mine.\n"
    nothing = said(place, "pull", "poet")
    assert nothing == {"pulled": [], "unchanged": ["poet"], "conflicts": []}
    assert said(place, "apply")["applied"] == 1
    assert "Mine." in place.readme("poet")


def test_every_conflict_is_named(place: Place) -> None:
    names = [f"model-{number:02}" for number in range(35)]
    for name in names:
        write_card(place.root, name)
    run(place, "apply", "-q")
    for name in names:
        place.put(name, README="Mine.")
    shown = run(place, "apply", code=6)
    assert all(f"  me/{name}: README.md changed" in shown.stderr for name in names)
    assert "… and 5 more (-v lists all)" in shown.stdout
    for listing in (run(place, "apply", "-v", code=6), run(place, "status", "-v")):
        assert all(f"! conflict  me/{name}" in listing.stdout for name in names)
        assert "more (-v" not in listing.stdout


def test_pull_of_all_and_what_needs_a_decision(place: Place) -> None:
    run(place, "apply", "-q")
    place.put("poet", README=place.readme("poet") + "\nMine.\n")
    place.put("gull", README=place.readme("gull").replace("## How", "## Why"))
    done = said(place, "pull", "--all", "-y", code=6)
    assert (done["pulled"], done["unchanged"]) == (["poet"], [])
    (conflict,) = done["conflicts"]
    assert conflict["card"].endswith("cards/gull.toml")
    asked = run(place, "pull", "gull", code=6)
    assert "+## Why does it work?" in asked.stdout, "what there is to decide on is shown"
    run(place, "pull", "gull", "--own", "-y")
    assert said(place, "apply")["applied"] == 2
    assert "## Why" in place.readme("gull")


def test_a_readme_that_cannot_be_read_keeps_no_other_edit_away(place: Place) -> None:
    run(place, "apply", "-q")
    place.put("gull", README="---\na: [1\n---\nBroken.\n")
    place.put("poet", README=b"\xff\xfe")
    place.put("tern", README=place.readme("tern") + "\nMine.\n")
    shown = run(place, "pull", "--all", code=6)
    assert re.search(r"me/gull: README\.md, line 3: ", shown.stderr)
    assert re.search(r"me/poet: README\.md .*UTF-8", shown.stderr)
    assert (place.root / "cards" / "tern.md").read_text() == "Mine.\n"
    done = said(place, "pull", "--all", code=6)
    assert [Path(one["card"]).stem for one in done["conflicts"]] == ["gull", "poet"]


def test_pull_needs_names_or_all(place: Place) -> None:
    for arguments in ((), ("poet", "--all")):
        assert "--all" in last_line(run(place, "pull", *arguments, code=2))


def test_a_plan_as_a_file(place: Place) -> None:
    run(place, "plan", "-o", "plan.json")
    assert json.loads((place.root / "plan.json").read_text())["format"] == "hubtools plan 1"
    write_card(place.root, "gull", prose="New.")
    last_line(run(place, "apply", "plan.json", code=6))
    assert place.names() == set()
    run(place, "plan", "-o", "plan.json")
    last_line(run(place, "apply", "plan.json", "--namespace", "acme", code=2))
    assert said(place, "apply", "plan.json")["applied"] == 3
    assert said(place, "apply", "plan.json")["applied"] == 0
    (place.root / "none.json").write_text("{}")
    assert "none.json: " in last_line(run(place, "apply", "none.json", code=2))
    assert "plans.json: " in last_line(run(place, "apply", "plans.json", code=2))


def test_a_plan_of_one_card_as_a_file(place: Place) -> None:
    run(place, "plan", "poet", "-o", "plan.json")
    assert said(place, "apply", "plan.json")["applied"] == 1
    assert place.names() == {"poet"}


def test_a_card_that_is_called_like_a_file_is_a_card(place: Place) -> None:
    (place.root / "poet").write_text("a file of that name")
    assert said(place, "apply", "poet")["applied"] == 1


def test_names_and_strangers(place: Place) -> None:
    run(place, "apply", "-q", "poet")
    assert place.names() == {"poet"}
    place.put("strangers", create=True, README="Theirs.")
    changes = {one["repo"]: one["action"] for one in said(place, "plan")["changes"]}
    assert changes["me/strangers"] == "extra"
    assert "me/strangers" not in run(place, "plan", "gull").stdout
    missing = run(place, "plan", "pote", code=1)
    assert "Did you mean 'poet'?" in last_line(missing)
    completed = run(place, "plan", "cards/poet.toml", code=1)
    assert "Did you mean 'poet'?" in last_line(completed)
    assert "pote.toml: " in last_line(run(place, "apply", "pote", code=1))


def test_formats(place: Place) -> None:
    table = run(place, "plan").stdout
    assert "+ create" in table
    assert "3 create" in table.splitlines()[-1]
    markdown = run(place, "plan", "--format", "markdown").stdout
    assert markdown.startswith("### hubtools plan for `me`\n\n**3** create\n")
    assert "| + create | `me/gull` | " in markdown
    assert "changes" in json.loads(run(place, "plan", "--format", "json").stdout)
    assert run(place, "plan", "--format", "xml", code=2)
    run(place, "apply", "-q")
    assert "create" not in run(place, "plan", "--format", "markdown").stdout


def test_the_diff_of_every_readme_that_would_change(place: Place) -> None:
    run(place, "apply", "-q")
    place.put("gull", README=place.readme("gull") + "\nTheirs: \x1b[2J ```` code.\n")
    place.put("tern", README="x" * (3 << 20))  # no Hub shows such a README
    write_card(place.root, "poet", prose="Mine.")
    table = run(place, "plan", "-v").stdout
    assert "-Theirs: ␛[2J ```` code." in table, "nothing steers the terminal"
    assert "+Mine." in table
    assert "! conflict  me/tern  README.md " in table
    markdown = run(place, "plan", "-v", "--format", "markdown").stdout
    assert "<details><summary><code>me/poet</code></summary>\n\n```diff\n--- me/poet" in markdown
    assert "`````diff\n--- me/gull on the Hub" in markdown
    assert "<details>" not in run(place, "plan", "--format", "markdown").stdout
    for name in ("gull", "poet"):
        write_card(place.root, name, prose="Long line.\n" * 4000)
    long = run(place, "plan", "-v", "--format", "markdown").stdout
    assert len(long) < 65_536, "what a comment on GitHub takes"
    assert "me/poet" in long and long.count("```diff") < 2


def test_a_terminal_that_has_no_emoji(place: Place) -> None:
    write_card(place.root, "gull", prose="Herring gull 🐦.")
    diff = run(place, "plan", "-v", PYTHONIOENCODING="cp1252").stdout
    assert r"+Herring gull \U0001f426." in diff
    document = said(place, "plan", "--to", "local:hub-🐦", PYTHONIOENCODING="ascii")
    assert document["to"].endswith("hub-🐦")


def test_the_limit_of_changes(place: Place) -> None:
    run(place, "apply", "-q")
    for name in ("gull", "poet"):
        write_card(place.root, name, prose="New.")
    over = run(place, "apply", "--max-changes", "1", code=7)
    assert "2 models" in last_line(over)
    assert len(place.history("gull")) == 1
    assert "many" in last_line(run(place, "apply", "--max-changes", "many", code=2))
    (place.root / "hubtools.toml").write_text("[hub]\nmax_changes = 0\n")
    run(place, "apply", code=7)
    assert said(place, "apply", "--max-changes", "67%")["applied"] == 2


def test_retire_and_the_deny_list(place: Place) -> None:
    run(place, "apply", "-q")
    done = said(place, "retire", "poet")
    assert done == {"repo": "me/poet", "action": "private", "denied": ["x:poet"]}
    assert place.repo("poet").private
    assert (place.root / "deny.txt").read_text() == "x:poet\n"
    write_card(place.root, "poet-again", accounts=())
    card = place.root / "cards" / "poet-again.toml"
    card.write_text(card.read_text() + '\n[[accounts]]\nhandle = "poet"\nnetwork = "x"\n')
    refused = run(place, "apply", code=7)
    assert "poet-again.toml: @poet" in last_line(refused)
    assert place.names() == {"gull", "poet", "tern"}
    card.unlink()
    gone = said(place, "retire", "tern", "--delete", "-y")
    assert gone["action"] == "deleted"
    assert said(place, "retire", "tern", "--delete", "-y")["action"] == "absent"
    assert place.names() == {"gull", "poet"}
    assert "nobody.toml: " in last_line(run(place, "retire", "nobody", code=1))


def test_mistakes_are_one_line(place: Place) -> None:
    card = place.root / "cards" / "gull.toml"
    good = card.read_text()
    for text, what in (
        ("repo = ", "gull.toml"),
        (f'{good}\nbase_modle = "x"\n', "gull.toml"),
        (good.replace('repo = "gull"', 'repo = "tern"'), "gull.toml: repo: "),
        (good.replace('repo = "gull"', 'repo = "owl"'), "owl.toml"),
    ):
        card.write_text(text)
        assert what in last_line(run(place, "apply", code=1))
        assert place.names() == set()
    card.write_text(good)
    (place.root / "templates").mkdir()
    (place.root / "templates" / "card.md.j2").write_text("{{ card.rpeo }}\n")
    assert "card.md.j2:1" in last_line(run(place, "plan", code=1))


def test_without_cards(place: Place) -> None:
    for file in (place.root / "cards").iterdir():
        file.unlink()
    assert said(place, "plan", "--exit-code")["changes"] == []
    (place.root / "cards").rmdir()
    assert f"{place.root / 'cards'}: " in last_line(run(place, "plan", code=1))


def test_weights_go_up_and_an_idle_run_is_idle(place: Place) -> None:
    write_model(place.root, "poet")
    done = said(place, "apply")
    assert done["applied"] == 3
    assert "model.safetensors" in place.data("poet")
    assert said(place, "apply")["requests"] == 1


@pytest.fixture
def remote(place: Place, tmp_path: Path) -> Iterator[Place]:
    """The same cards, before a Hub that asks for a token."""
    faults = Faults()
    access = Access(user="ada", orgs=("acme",), token=TOKEN)
    with (
        closing(Store(tmp_path / "remote")) as store,
        serving(store.root, access=access, faults=faults) as url,
    ):
        (place.root / "hubtools.toml").write_text(f'[hub]\nto = "{url}"\nnamespace = "acme"\n')
        yield Place(place.root, store, url, "acme", faults)


def test_a_hub_with_a_token(remote: Place) -> None:
    done = said(remote, "apply", HF_TOKEN=TOKEN)
    assert (done["applied"], done["requests"]) == (3, 11)
    idle = said(remote, "apply", HF_TOKEN=TOKEN)
    assert idle["requests"] == 2, "who we are, and the listing"
    assert said(remote, "plan", HF_TOKEN=TOKEN)["requests"] == 1
    mine = said(remote, "plan", "--namespace", "ada", HF_TOKEN=TOKEN)
    assert {one["repo"].split("/")[0] for one in mine["changes"]} == {"ada"}


@pytest.mark.parametrize("verbose", [(), ("-vv",)])
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (EXPIRED_TOKEN, 4),
        (Respond(403, {"X-Error-Message": f"Bearer {TOKEN} may not"}), 4),
        (Respond(400, {}, json.dumps({"error": f"bad header: authorization: Bearer {TOKEN}"})), 1),
        (Respond(418, {}, f"<html>{TOKEN}</html>"), 1),
    ],
)
def test_a_token_is_never_shown(
    remote: Place, fault: Respond, code: int, verbose: tuple[str, ...]
) -> None:
    """Not even when the Hub, or a proxy before it, says it back."""
    remote.faults.use(Fault(fault, "POST"))
    clean = {**os.environ, "HF_HOME": str(remote.root / ".hf"), "HF_TOKEN": TOKEN}
    result = command("apply", "--json", *verbose, cwd=remote.root, env=clean)
    assert result.returncode == code, result.stderr
    assert TOKEN not in result.stdout + result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert ("Traceback" in result.stderr) == bool(verbose)
    for file in remote.root.rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes()


def test_who_may_not(remote: Place) -> None:
    assert "hf auth login" in last_line(run(remote, "apply", code=4))
    last_line(run(remote, "apply", code=4, HF_TOKEN="hf_another"))
    other = run(remote, "apply", "--namespace", "quays", code=4, HF_TOKEN=TOKEN)
    assert "ada" in last_line(other) and "acme" in last_line(other), "where she may is named"
    assert TOKEN not in other.stderr
    read = Respond(200, {}, json.dumps({"name": "acme", "auth": {"accessToken": {"role": "read"}}}))
    remote.faults.use(Fault(read, path="/api/whoami-v2"))
    reader = run(remote, "apply", code=4, HF_TOKEN=TOKEN)
    last_line(reader)
    assert remote.names() == set()
    assert said(remote, "plan", HF_TOKEN=TOKEN)["changes"], "looking is allowed"


def test_a_hub_that_is_away(place: Place) -> None:
    for arguments in (("plan",), ("apply",), ("status",), ("pull", "poet")):
        result = run(
            place, *arguments, "--to", "http://127.0.0.1:9", "--namespace", "me", code=5,
            HF_TOKEN=TOKEN,
        )  # fmt: skip
        last_line(result)
        assert TOKEN not in result.stderr
