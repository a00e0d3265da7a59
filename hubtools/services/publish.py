"""From posts to a published model: the one place where training and sync meet.

Three steps, each of which knows whether it is done: make the model's folder, write its card,
push the folder. So `publish` after an interruption of any kind does what is left and no more.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.cards.render import CardRenderer, is_sealed
from hubtools.core.config import Project
from hubtools.core.errors import ConflictError, HubUnavailableError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically
from hubtools.core.repo_names import check_repo_name
from hubtools.services.session import Session, make_plan, open_session
from hubtools.services.train import TrainedModel, TrainRequest, train_model
from hubtools.sync.apply import apply
from hubtools.sync.plan import README
from hubtools.sync.target import Target

if TYPE_CHECKING:
    pass


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
    request: TrainRequest, target: Target, namespace: str | None, project: Project, report: Reporter
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
    made = train_model(request, None, project, report)
    with open_session(project, target, namespace, report, writing=True) as session:
        write_readme(made, session.namespace, target, project)
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


def write_readme(made: TrainedModel, namespace: str, target: Target, project: Project) -> Path:
    """Render the card into the model's folder.

    Raises ConflictError when the README there was edited by hand: an edit belongs to the card.
    """
    renderer = CardRenderer(
        namespace, target.files_url, project.config.project, project.templates_folder
    )
    text = renderer.render(made.card)
    file = made.folder.path / README
    if file.is_file():
        there = file.read_text(encoding="utf-8", errors="replace")
        if there != text and not is_sealed(there):
            raise ConflictError(
                "was edited by hand and would be overwritten",
                where=file,
                fix=f"Put the text into {made.card_file.with_suffix('.md')}, and remove this file",
            )
    write_atomically(file, text)
    return file
