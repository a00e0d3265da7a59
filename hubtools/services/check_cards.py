"""Everything that is wrong with a project's cards."""

from __future__ import annotations

from dataclasses import dataclass

from hubtools.cards.check import CardChecker, Finding
from hubtools.cards.selection import select_cards
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.events import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRequest:
    """Which cards to check."""

    project: Project
    names: tuple[str, ...] | None = None
    """None: every card. Two cards of one repository are found among these only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How many files were checked, and what is wrong with them, by file and line."""

    checked: int
    findings: tuple[Finding, ...]


def check_cards(request: CheckRequest, reporter: Reporter, cancel: CancelToken) -> CheckResult:
    """Check cards: keys, types, lengths, names, addresses, counts, links, front matter.

    Raises CardError for a name without a card.
    """
    project = request.project
    files = sorted(select_cards(project.cards_folder, request.names))
    findings: list[Finding] = []
    checker = CardChecker(project.models_folder)
    for file in files:
        cancel.raise_if_cancelled()
        findings += checker.check(file)
    reporter.detail(f"Checked {len(files):,} cards in {project.cards_folder}")
    return CheckResult(checked=len(files), findings=tuple(findings))
