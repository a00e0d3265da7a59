"""A project's cards before a Hub: what planning, applying and pulling work with."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hubtools.cards.card import Card, CardAccount
from hubtools.cards.render import CardRenderer
from hubtools.core.config import Project
from hubtools.core.errors import AccessError, PolicyError
from hubtools.core.events import Reporter
from hubtools.posts.deny_list import DenyList, read_deny_list
from hubtools.services.desired import Fleet, Wanting
from hubtools.sync.client import Hub, counted, told
from hubtools.sync.http_errors import asking
from hubtools.sync.observe import Subject, look
from hubtools.sync.plan import Desired, Plan, make_changes
from hubtools.sync.state import StateCache
from hubtools.sync.target import LOCAL_NAMESPACE, Target, connect

_LOGIN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write there"


@dataclass(frozen=True, slots=True)
class Session:
    """One command's work with one Hub."""

    project: Project
    target: Target
    namespace: str
    hub: Hub
    memory: StateCache
    report: Reporter
    sent: list[str]
    """The method of every request so far."""
    renderer: CardRenderer
    """Renders cards for this Hub; one for the session, since it compiles the templates."""

    def fleet(self, files: Sequence[Path]) -> Fleet:
        """These cards with the folders of their models."""
        return Fleet(tuple(files), self.project.models_folder, self.renderer)


@contextmanager
def open_session(
    project: Project, target: Target, namespace: str | None, report: Reporter, *, writing: bool
) -> Iterator[Session]:
    """A session with `target`; a local Hub is served meanwhile.

    Raises AccessError when `writing` is asked for and the token may not write to `namespace`.
    """
    file = project.root / ".hubtools" / "heads.sqlite"
    with connect(target) as api, counted(api) as sent, StateCache(file, str(target)) as memory:
        hub = Hub(api)
        owner = owner_of(hub, target, namespace, writing=writing)
        renderer = renderer_for(project, target, owner)
        yield Session(project, target, owner, hub, memory, report, sent, renderer)
        if not memory.kept:
            report.warn(
                "state_not_saved", f"{file} cannot be written, so the next run starts without it"
            )


def renderer_for(project: Project, target: Target, namespace: str) -> CardRenderer:
    """What renders the cards of a project for a Hub."""
    said, templates = project.config.project, project.templates_folder
    return CardRenderer(namespace, target.files_url, said, templates)


def owner_of(hub: Hub, target: Target, namespace: str | None, *, writing: bool) -> str:
    """Whose repositories these are: `namespace`, else who the token belongs to.

    A local Hub needs no asking; nor does looking at a namespace that is named. Raises AccessError
    when there is no token, or one that may not write where that is asked for.
    """
    if target.kind == "local":
        return namespace or LOCAL_NAMESPACE
    if namespace is not None and not writing:
        return namespace
    with asking(str(target)):
        signed_in = hub.signed_in
    if not signed_in:
        raise AccessError("not logged in", where=target, fix=_LOGIN)
    if namespace is not None and os.environ.get("HF_OIDC_RESOURCE"):
        return namespace  # a token of trusted publishing is for a repository, and is nobody's
    me = told(hub.get("/api/whoami-v2", str(target)), str(target), dict, "name")
    allowed = [me["name"], *(org["name"] for org in me.get("orgs", ()))]
    if namespace is not None and namespace not in allowed:
        raise AccessError(
            f"{me['name']} may not publish to {namespace!r}",
            where=target,
            fix=f"Use --namespace with one of: {', '.join(allowed)}",
        )
    role = me.get("auth", {}).get("accessToken", {}).get("role")
    if writing and role == "read":
        raise AccessError("the token may only read", where=target, fix=_LOGIN)
    return namespace or str(me["name"])


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it was made from."""

    plan: Plan
    wanted: tuple[Desired, ...]


def make_plan(session: Session, files: Sequence[Path], *, whole: bool) -> Planned:
    """What would change for the cards in `files`; nothing is changed.

    Raises CardError for a card that cannot be rendered, PolicyError for one whose account is on
    the deny list and that is not retired, and what requests raise.
    """
    fleet, denied = session.fleet(files), read_deny_list(session.project)
    subjects: list[Subject] = []
    wanting = Wanting(fleet, session.memory)
    with session.report.task("Rendering", len(files)) as bar:
        for source in fleet.cards():
            _refuse(source.card, source.file, denied)
            subjects.append(Subject(source.file, wanting.of(source)))
            bar.advance(len(subjects))
    wanting.keep()
    remote = look(session.hub, session.namespace, subjects, session.memory, session.report)
    wanted_all = tuple(subject.wanted for subject in subjects)
    changes = make_changes(wanted_all, remote, session.namespace, whole=whole)
    requests = len(session.sent)
    plan = Plan(str(session.target), session.namespace, changes, requests, whole=whole)
    return Planned(plan, wanted_all)


def _refuse(card: Card, file: Path, denied: DenyList) -> None:
    if card.state == "retired":
        return
    named = (*card.accounts, *(CardAccount(handle=handle) for handle in card.handles))
    for account in named:
        if denied.names(account):
            raise PolicyError(
                f"@{account.handle} is on the deny list",
                where=file,
                fix=f"Nothing was sent. Take the model down: hubtools retire {card.repo}",
            )
