"""Runs action.yml as GitHub's runner does: steps in bash, expressions, file commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import REPOSITORY

ACTION = REPOSITORY / "action.yml"
_EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
_MULTI_LINE = re.compile(r"(?P<name>[^=\n]+)<<(?P<end>.+)\n(?P<value>(?:.*\n)*?)(?P=end)\n")


@dataclass(frozen=True)
class Job:
    """What came of a use of the Action."""

    failed: bool
    log: str
    summary: str
    outputs: Mapping[str, str]
    steps: Mapping[str, int]
    """The exit status of every `run` step that was not skipped, by its name."""

    @property
    def commands(self) -> list[str]:
        """The workflow commands that the runner would have obeyed."""
        return list(_obeyed(self.log))


@dataclass
class Runner:
    """A machine with a checkout, and what outlives its jobs."""

    workspace: Path
    temp: Path
    python: Path
    api: str
    environment: Mapping[str, str]
    prepared: Path | None = None
    """A virtual environment to take instead of installing one more."""
    cache: dict[str, Path] = field(default_factory=dict)
    runs: int = 0

    def run(
        self,
        event: str,
        *,
        ref: str = "refs/heads/main",
        number: int | None = None,
        **inputs: str,
    ) -> Job:
        """One use of the Action; `inputs` have `_` for `-`."""
        self.runs += 1
        temp = self.temp / str(self.runs)
        temp.mkdir(parents=True)
        payload: dict[str, Any] = {"repository": {"default_branch": "main"}}
        if number is not None:
            ref = f"refs/pull/{number}/merge"
            payload["pull_request"] = {"number": number, "head": {"sha": "c0ffee" + "0" * 34}}
        (temp / "event.json").write_text(json.dumps(payload))
        action = yaml.safe_load(ACTION.read_text(encoding="utf-8"))
        given = {name.replace("_", "-"): value for name, value in inputs.items()}
        assert given.keys() <= action["inputs"].keys()
        defaults = {name: said["default"] for name, said in action["inputs"].items()}
        github = {
            "event_name": event,
            "token": "gh-token",
            "run_id": str(self.runs),
            "run_attempt": "1",
            "event": payload,
        }
        contexts = {"inputs": {**defaults, **given}, "github": github, "steps": {}}
        variables = {
            **self.environment,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(REPOSITORY),
            "GITHUB_API_URL": self.api,
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(temp / "event.json"),
            "GITHUB_REF": ref,
            "GITHUB_REPOSITORY": "acme/cards",
            "GITHUB_RUN_ID": str(self.runs),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(temp),
        }
        return self._steps(action, contexts, variables, temp)

    def _steps(
        self,
        action: Mapping[str, Any],
        contexts: dict[str, Any],
        variables: Mapping[str, str],
        temp: Path,
    ) -> Job:
        failed, log, summary, statuses = False, "", "", {}
        for number, step in enumerate(action["runs"]["steps"]):
            condition = step.get("if", "true")
            if (failed and "always()" not in condition) or not _value(condition, contexts):
                continue
            if "uses" in step:
                outputs = self._use(step, contexts)
            else:
                files = [temp / f"{number}.output", temp / f"{number}.summary"]
                for file in files:
                    file.touch()
                done = self._bash(step, contexts, {
                    **variables,
                    "GITHUB_OUTPUT": str(files[0]),
                    "GITHUB_STEP_SUMMARY": str(files[1]),
                })  # fmt: skip
                statuses[step["name"]] = done.returncode
                failed = failed or done.returncode != 0
                log, summary = log + done.stdout, summary + files[1].read_text()
                outputs = _outputs(files[0].read_text())
            contexts["steps"][step.get("id", str(number))] = {"outputs": outputs}
        said = {
            name: _filled(output["value"], contexts) for name, output in action["outputs"].items()
        }
        return Job(failed, log, summary, said, statuses)

    def _bash(
        self, step: Mapping[str, Any], contexts: Mapping[str, Any], variables: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        own = {key: _filled(value, contexts) for key, value in step.get("env", {}).items()}
        if step["name"] == "Install hubtools" and self.prepared is not None:
            (Path(own["FOLDER"]) / "venv").symlink_to(self.prepared)
            return subprocess.CompletedProcess([], 0, "", "")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            cwd=self.workspace,
            env={**variables, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=300,
            check=False,
        )

    def _use(self, step: Mapping[str, Any], contexts: Mapping[str, Any]) -> dict[str, str]:
        """What the actions do that ours uses."""
        name, _, commit = step["uses"].partition("@")
        assert re.fullmatch("[0-9a-f]{40}", commit)
        given = {key: _filled(value, contexts) for key, value in step["with"].items()}
        if name == "actions/setup-python":
            return {"python-path": str(self.python)}
        folder = self.workspace / given["path"]
        if name == "actions/cache/save":
            kept = self.temp / f"cache {given['key']}"
            if folder.exists():
                shutil.copytree(folder, kept)
                self.cache[given["key"]] = kept
        else:
            assert name == "actions/cache/restore"
            for key in reversed(self.cache):
                if key.startswith(given["restore-keys"]):
                    shutil.copytree(self.cache[key], folder, dirs_exist_ok=True)
                    break
        return {}


def _filled(text: str, contexts: Mapping[str, Any]) -> str:
    """A value with its expressions replaced."""
    return _EXPRESSION.sub(lambda found: _text(_value(found[1], contexts)), str(text))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _value(expression: str, contexts: Mapping[str, Any]) -> Any:
    """The little of GitHub's expressions that action.yml uses."""
    for operator in ("||", "&&"):
        left, found, right = expression.partition(operator)
        if found:
            value = _value(left, contexts)
            return value if bool(value) == (operator == "||") else _value(right, contexts)
    for operator in ("==", "!="):
        left, found, right = expression.partition(operator)
        if found:
            return (_value(left, contexts) == _value(right, contexts)) == (operator == "==")
    word = expression.strip()
    if word in ("true", "always()"):
        return True
    if word.startswith("'"):
        return word.strip("'")
    value: Any = contexts
    for part in word.split("."):
        value = value.get(part, "") if isinstance(value, dict) else ""
    return value


def _outputs(text: str) -> dict[str, str]:
    """What a step wrote to $GITHUB_OUTPUT."""
    found = {}
    while text:
        block = _MULTI_LINE.match(text)
        if block:
            found[block["name"]], text = block["value"][:-1], text[block.end() :]
            continue
        line, _, text = text.partition("\n")
        name, equals, value = line.partition("=")
        assert equals, f"GitHub refuses the line {line!r}"
        found[name] = value
    return found


def _obeyed(log: str) -> Iterator[str]:
    stopped = None
    for line in log.splitlines():
        if not re.match(r"\s*::\S", line):
            continue
        if stopped is not None:
            stopped = None if line.strip() == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
        else:
            yield line


def bare_environment(home: Path, python: Path, libraries: Path) -> dict[str, str]:
    """What a fresh machine has set: nothing of ours, and no index to install from."""
    home.mkdir(parents=True, exist_ok=True)
    return {
        "HOME": str(home),
        "PATH": os.pathsep.join([str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(libraries),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "HF_HUB_DISABLE_XET": "1",
    }
