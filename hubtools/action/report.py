"""The Action's report on a run: job summary, outputs, and annotations at cards.

Reads what `hubtools plan` or `hubtools apply` wrote to $FOLDER. Needs only Python.
"""

from __future__ import annotations

import json
import os
import posixpath
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_PENDING = ("create", "update", "retire")
_ANNOTATIONS = 10
"""GitHub shows no more annotations of one level per step."""
_ROWS = 200

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class ActionFailure:
    """A repository that was left as it is, and why."""

    repo: str
    reason: str
    kind: str = "conflict"
    """conflict or failed."""


@dataclass(frozen=True)
class ActionOutcome:
    """The outcome of a plan or an apply."""

    changes: int = 0
    failures: Sequence[ActionFailure] = ()
    markdown: str = ""
    report: str = ""
    """The JSON file of the whole outcome; empty where there is none."""

    @property
    def conflicts(self) -> int:
        return sum(failure.kind == "conflict" for failure in self.failures)


def planned(folder: Path) -> ActionOutcome:
    """The outcome of `hubtools plan --out plan.json`."""
    plan = _read(folder / "plan.json")
    if plan is None:
        return ActionOutcome()
    changes = plan["changes"]
    return ActionOutcome(
        changes=sum(change["action"] in _PENDING for change in changes),
        failures=[
            ActionFailure(c["repo"], c["reason"]) for c in changes if c["action"] == "conflict"
        ],
        markdown=(folder / "plan.md").read_text(encoding="utf-8"),
        report=str(folder / "plan.json"),
    )


def applied(folder: Path) -> ActionOutcome:
    """The outcome of `hubtools apply --json`."""
    done = _read(folder / "applied.json")
    if done is None:
        return ActionOutcome()
    failures = [
        *(ActionFailure(one["repo"], one["error"]) for one in done["conflicts"]),
        *(ActionFailure(one["repo"], one["error"], "failed") for one in done["failed"]),
    ]
    return ActionOutcome(
        changes=done["applied"],
        failures=failures,
        markdown="".join(f"{line}\n" for line in _applied_lines(done, failures)),
        report=str(folder / "applied.json"),
    )


def _applied_lines(done: Mapping[str, Any], failures: Sequence[ActionFailure]) -> Iterator[str]:
    counts = {
        "applied": done["applied"],
        "unchanged": done["unchanged"],
        "in conflict": len(done["conflicts"]),
        "failed": len(done["failed"]),
        "left": done.get("left", 0),
    }
    text = ", ".join(f"**{number:,}** {what}" for what, number in counts.items() if number)
    yield "### hubtools apply"
    yield ""
    yield f"{text or 'Nothing to do'} ({done['requests']:,} requests, {done['seconds']:.1f} s)"
    if failures:
        yield ""
        yield "| | Model | Reason |"
        yield "| --- | --- | --- |"
        yield from (f"| {t.kind} | {_code(t.repo)} | {_code(t.reason)} |" for t in failures[:_ROWS])
    if len(failures) > _ROWS:
        yield ""
        yield f"… and {len(failures) - _ROWS:,} more."


def findings(folder: Path) -> int:
    """How many errors the checks of cards and templates found."""
    file = folder / "findings"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return sum(line.startswith("::error ") for line in lines)


def annotated(failures: Sequence[ActionFailure], level: Level, directory: str) -> Iterator[str]:
    """The workflow commands that make GitHub show each failure at the card's file."""
    for one in failures[:_ANNOTATIONS]:
        name = one.repo.partition("/")[2]
        file = posixpath.normpath(posixpath.join(directory, "cards", f"{name}.toml"))
        where = f" file={_property(file)},line=1" if Path(file).is_file() else ""
        yield f"::{level}{where}::{_message(f'{one.repo}: {one.reason}')}"


def summary(outcome: ActionOutcome, errors: int, mode: str, status: str, log: str) -> str:
    """The whole run as Markdown."""
    parts = [outcome.markdown] if outcome.markdown else []
    if errors:
        count = f"{errors:,} error{'s' if errors > 1 else ''}"
        parts.append(f"**{count}** in cards or templates; each is annotated at its line.\n")
    if status != "0":
        title = f"**hubtools {mode} failed with exit code {status}:**"
        parts.append(f"{title}\n\n    {_last_line(log)}\n")  # indented code: nothing is markup
    return "\n".join(parts)


def write_outputs(file: Path, outputs: Mapping[str, object]) -> None:
    """Pass these outputs to the following steps."""
    with file.open("a", encoding="utf-8") as out:
        for name, value in outputs.items():
            end = secrets.token_hex(16)  # random, so that no value can contain it
            out.write(f"{name}<<{end}\n{value}\n{end}\n")


def main() -> None:
    environment = os.environ
    folder, mode = Path(environment["FOLDER"]), environment["MODE"]
    status = environment["STATUS"] or "1"
    file = folder / "log"
    log = file.read_text(encoding="utf-8") if file.is_file() else ""
    outcome, errors = planned(folder) if mode == "plan" else applied(folder), findings(folder)

    if status != "0":
        title = f"hubtools {mode} failed with exit code {status}"
        print(f"::error title={_property(title)}::{_message(_last_line(log))}")
    level: Level = "warning" if mode == "plan" else "error"
    for line in annotated(outcome.failures, level, environment["DIRECTORY"]):
        print(line)

    text = summary(outcome, errors, mode, status, log)
    (folder / "summary.md").write_text(text, encoding="utf-8")
    with Path(environment["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as out:
        out.write(f"{text}\n")
    news = outcome.changes or outcome.conflicts or errors or status != "0"
    write_outputs(
        Path(environment["GITHUB_OUTPUT"]),
        {
            "changes": outcome.changes,
            "conflicts": outcome.conflicts,
            "plan": outcome.markdown,
            "report": outcome.report,
            "news": "true" if news else "false",
        },
    )


def _read(file: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "No output."


def _code(text: str) -> str:
    """A code span in a table cell, where nothing mentions anyone and nothing is markup."""
    return "`" + " ".join(text.replace("`", "'").split()).replace("|", "\\|") + "`"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


if __name__ == "__main__":
    main()
