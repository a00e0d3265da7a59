"""What the Action says of a run: the job's summary, the outputs, and annotations at cards.

Reads what `hubtools plan` or `hubtools apply` left in $FOLDER. Needs nothing but Python.
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
"""GitHub shows no more of a kind from one step."""
_ROWS = 200

Level = Literal["error", "warning"]


@dataclass(frozen=True)
class Trouble:
    """A repository that is left as it is, and why."""

    repo: str
    reason: str
    what: str = "conflict"


@dataclass(frozen=True)
class Outcome:
    """What came of a plan or of an apply."""

    changes: int = 0
    troubles: Sequence[Trouble] = ()
    markdown: str = ""
    report: str = ""
    """The file with all of it; empty where there is none."""

    @property
    def conflicts(self) -> int:
        return sum(trouble.what == "conflict" for trouble in self.troubles)


def planned(folder: Path) -> Outcome:
    """What `hubtools plan --out plan.json` found."""
    plan = _read(folder / "plan.json")
    if plan is None:
        return Outcome()
    changes = plan["changes"]
    return Outcome(
        changes=sum(change["action"] in _PENDING for change in changes),
        troubles=[Trouble(c["repo"], c["reason"]) for c in changes if c["action"] == "conflict"],
        markdown=(folder / "plan.md").read_text(encoding="utf-8"),
        report=str(folder / "plan.json"),
    )


def applied(folder: Path) -> Outcome:
    """What `hubtools apply --json` did."""
    done = _read(folder / "applied.json")
    if done is None:
        return Outcome()
    troubles = [
        *(Trouble(one["repo"], one["error"]) for one in done["conflicts"]),
        *(Trouble(one["repo"], one["error"], "failed") for one in done["failed"]),
    ]
    return Outcome(
        changes=done["applied"],
        troubles=troubles,
        markdown="".join(f"{line}\n" for line in _applied_lines(done, troubles)),
        report=str(folder / "applied.json"),
    )


def _applied_lines(done: Mapping[str, Any], troubles: Sequence[Trouble]) -> Iterator[str]:
    counts = {
        "applied": done["applied"],
        "unchanged": done["unchanged"],
        "in conflict": len(done["conflicts"]),
        "failed": len(done["failed"]),
        "left": done.get("left", 0),
    }
    said = ", ".join(f"**{number:,}** {what}" for what, number in counts.items() if number)
    yield "### hubtools apply"
    yield ""
    yield f"{said or 'Nothing to do'} ({done['requests']:,} requests, {done['seconds']:.1f} s)"
    if troubles:
        yield ""
        yield "| | Model | Why |"
        yield "| --- | --- | --- |"
        yield from (f"| {t.what} | {_code(t.repo)} | {_code(t.reason)} |" for t in troubles[:_ROWS])
    if len(troubles) > _ROWS:
        yield ""
        yield f"… and {len(troubles) - _ROWS:,} more."


def failure(mode: str, status: str, said: str) -> str:
    """A run that ended badly, as Markdown; indented code, so that nothing in it is markup."""
    return f"**hubtools {mode} ended with exit code {status}:**\n\n    {_last_line(said)}\n"


def findings(folder: Path) -> int:
    """How many mistakes the checks of cards and templates found."""
    file = folder / "findings"
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    return sum(line.startswith("::error ") for line in lines)


def annotated(troubles: Sequence[Trouble], level: Level, directory: str) -> Iterator[str]:
    """The workflow commands by which GitHub shows each trouble at the card's file."""
    for trouble in troubles[:_ANNOTATIONS]:
        name = trouble.repo.partition("/")[2]
        file = posixpath.normpath(posixpath.join(directory, "cards", f"{name}.toml"))
        where = f" file={_property(file)},line=1" if Path(file).is_file() else ""
        yield f"::{level}{where}::{_message(f'{trouble.repo}: {trouble.reason}')}"


def summary(outcome: Outcome, wrong: int, mode: str, status: str, said: str) -> str:
    """All that happened, as Markdown."""
    parts = [outcome.markdown] if outcome.markdown else []
    if wrong:
        mistakes = f"{wrong:,} mistake{'s' if wrong > 1 else ''}"
        parts.append(f"**{mistakes}** in the files, each shown at its line.\n")
    if status != "0":
        parts.append(failure(mode, status, said))
    return "\n".join(parts)


def write_outputs(file: Path, outputs: Mapping[str, object]) -> None:
    """Give these outputs to the steps that follow."""
    with file.open("a", encoding="utf-8") as out:
        for name, value in outputs.items():
            end = secrets.token_hex(16)  # so that no value can end itself and begin another
            out.write(f"{name}<<{end}\n{value}\n{end}\n")


def main() -> None:
    environment = os.environ
    folder, mode = Path(environment["FOLDER"]), environment["MODE"]
    status = environment["STATUS"] or "1"
    file = folder / "said"
    said = file.read_text(encoding="utf-8") if file.is_file() else ""
    outcome, wrong = planned(folder) if mode == "plan" else applied(folder), findings(folder)

    if status != "0":
        title = f"hubtools {mode} ended with exit code {status}"
        print(f"::error title={_property(title)}::{_message(_last_line(said))}")
    level: Level = "warning" if mode == "plan" else "error"
    for line in annotated(outcome.troubles, level, environment["DIRECTORY"]):
        print(line)

    text = summary(outcome, wrong, mode, status, said)
    (folder / "summary.md").write_text(text, encoding="utf-8")
    with Path(environment["GITHUB_STEP_SUMMARY"]).open("a", encoding="utf-8") as out:
        out.write(f"{text}\n")
    news = outcome.changes or outcome.conflicts or wrong or status != "0"
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
    return lines[-1] if lines else "It said nothing."


def _code(text: str) -> str:
    """A code span in a table's cell: nobody is notified, and nothing is markup."""
    return "`" + " ".join(text.replace("`", "'").split()).replace("|", "\\|") + "`"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


if __name__ == "__main__":
    main()
