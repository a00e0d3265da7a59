"""From posts to a published model: train, write the card, push the folder.

Each step knows whether it is done, so `publish` after an interruption does what is left.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import HubUnavailableError
from hubtools.core.events import Reporter
from hubtools.services.apply import apply_cards
from hubtools.services.plan import plan_cards
from hubtools.services.readme import write_readme
from hubtools.services.session import HubSession, open_session
from hubtools.services.targets import resolve_target
from hubtools.services.train import TrainedModel, TrainRequest, train


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishRequest:
    """A model to train, and where it goes."""

    train: TrainRequest
    to: str | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class PushResult:
    """A repository as it is now."""

    repo_id: str
    commit: str
    uploaded: tuple[str, ...]
    """Empty when the Hub was up to date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishResult:
    """A model on a Hub."""

    model: TrainedModel
    repo_id: str
    commit: str
    uploaded: tuple[str, ...]
    """Empty when the Hub was up to date."""
    url: str


def publish(request: PublishRequest, reporter: Reporter, cancel: CancelToken) -> PublishResult:
    """Train a model, unless it is trained already, and push it.

    Raises the errors of reading, training, rendering and the Hub, and CancelledError.
    """
    project = request.train.project
    destination = resolve_target(project, request.to, request.namespace)
    # A wrong token is reported before the training; a Hub that is down may be back after it.
    if destination.target.kind != "local":
        opened = open_session(project, destination, reporter, cancel, writing=True)
        with suppress(HubUnavailableError), opened:
            pass
    model = train(request.train, reporter, cancel)
    with open_session(project, destination, reporter, cancel, writing=True) as session:
        write_readme(model.folder.path, model.card, model.card_file, session.renderer)
        reporter.note(f"Publishing {session.namespace}/{model.card.repo} to {session.target}")
        pushed = push_card(session, model.card_file)
    return PublishResult(
        model=model,
        repo_id=pushed.repo_id,
        commit=pushed.commit,
        uploaded=pushed.uploaded,
        url=destination.target.page(pushed.repo_id),
    )


def push_card(session: HubSession, card_file: Path) -> PushResult:
    """Plan and apply one card with the files of its model.

    Raises ConflictError when someone else changed what would be overwritten, CancelledError, and
    what requests raise.
    """
    plan = plan_cards(session, [card_file], full=False).plan
    result = apply_cards(session, plan, [card_file])
    result.raise_for_failure()
    (change,) = plan.changes
    commit = result.revisions.get(change.repo, change.revision or "")
    return PushResult(change.repo, commit, tuple(change.files))
