"""What `check` commands print."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from hubtools.cards.check import Finding
from hubtools.cli.options import FindingFormat
from hubtools.cli.terminal import print_json


def print_findings(findings: Sequence[Finding], format: FindingFormat) -> None:
    """Print findings to stdout as lines, as annotations of GitHub, or as one JSON document."""
    match format:
        case FindingFormat.JSON:
            rows = [{"file": str(f.file), "line": f.line, "message": f.message} for f in findings]
            print_json({"findings": rows})
        case FindingFormat.GITHUB:
            for finding in findings:
                typer.echo(_annotation(finding))
        case FindingFormat.TEXT:
            for finding in findings:
                typer.echo(str(finding))


def relative(file: Path) -> Path:
    """`file` relative to the working directory, as editors and GitHub expect it, if inside."""
    here = Path.cwd()
    return file.relative_to(here) if file.is_relative_to(here) else file


def _annotation(finding: Finding) -> str:
    """GitHub expects paths relative to the root of the repository."""
    root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd()).resolve()
    file = Path.cwd() / finding.file
    inside = file.relative_to(root) if file.is_relative_to(root) else finding.file
    return replace(finding, file=inside).as_annotation()
