"""From posts to a published model: the one place where training and sync meet.

Three steps, each of which knows whether it is done: make the model's folder, write its card,
push the folder. So `publish` after an interruption of any kind does what is left and no more.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import HubUnavailableError
from hubtools.core.events import Reporter
from hubtools.core.repo_names import check_repo_name
from hubtools.services.readme import write_readme
from hubtools.services.session import Session, make_plan, open_session
from hubtools.services.train import TrainedModel, TrainRequest, train
from hubtools.sync.apply import apply
from hubtools.sync.target import Target


@dataclass(frozen=True, slots=True)
class PushResult:
    """A repository as it now stands."""

    repo_id: str
    commit: str
    uploaded: tuple[str, ...]
    """Empty when everything was there already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishResult:
    """A model on a Hub."""

    made: TrainedModel
    pushed: PushResult
    url: str


def publish(
    request: TrainRequest,
    target: Target,
    namespace: str | None,
    project: Project,
    report: Reporter,
    cancel: CancelToken,
) -> PublishResult:
    """Make the model that `request` asks for, unless it is made, and bring it to `target`.

    `namespace` None means "me" on a local Hub and the name behind the token elsewhere. Raises the
    errors of reading, training, rendering and the Hub, each with its exit code.
    """
    if namespace is not None:
        check_repo_name(namespace)
    # A wrong token is better known before the training than after; a Hub that is away may be
    # back by then.
    if target.kind != "local":
        opened = open_session(project, target, namespace, report, writing=True)
        with suppress(HubUnavailableError), opened:
            pass
    made = train(request, report, cancel)
    with open_session(project, target, namespace, report, writing=True) as session:
        write_readme(
            made.folder.path, made.card, made.card_file, session.namespace, target, project
        )
        report.note(f"Publishing {session.namespace}/{made.card.repo} to {target}")
        pushed = push(made.card_file, session)
    return PublishResult(made=made, pushed=pushed, url=target.page(pushed.repo_id))


def push(card_file: Path, session: Session) -> PushResult:
    """Bring one card and the folder of its model to the Hub, by a plan of its own.

    Raises ConflictError when somebody else changed what would be overwritten, and what requests
    raise.
    """
    plan = make_plan(session, [card_file], whole=False).plan
    (change,) = plan.changes
    fleet, private = session.fleet([card_file]), session.project.config.hub.private
    done = apply(plan, fleet, session.hub, session.memory, session.report, private=private)
    if done.interrupted:
        raise KeyboardInterrupt
    error = done.error()
    if error is not None:
        raise error
    commit = done.heads.get(change.repo, change.head or "")
    return PushResult(change.repo, commit, tuple(change.files))
