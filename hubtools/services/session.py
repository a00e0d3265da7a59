"""A session with a Hub: what planning, applying and pulling work with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hubtools.cards.render import CardRenderer
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import AccessError
from hubtools.core.events import Reporter
from hubtools.core.state import StateFile
from hubtools.services.targets import Destination
from hubtools.sync.client import HubClient, open_client, parse_json
from hubtools.sync.http_errors import LOGIN, translated_errors
from hubtools.sync.state import StateCache
from hubtools.sync.target import LOCAL_NAMESPACE, Target


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSession:
    """A project, a namespace of a Hub and the way there; open as long as models go to it."""

    project: Project
    target: Target
    namespace: str
    hub: HubClient
    cache: StateCache
    reporter: Reporter
    renderer: CardRenderer
    """Renders cards for this Hub; one for the session, as it compiles the templates."""


@contextmanager
def open_session(
    project: Project,
    destination: Destination,
    reporter: Reporter,
    cancel: CancelToken,
    *,
    writing: bool,
) -> Iterator[HubSession]:
    """A session with `destination`; a local Hub is served meanwhile.

    Raises AccessError when it is for `writing` and the token may not write to the namespace.
    """
    target = destination.target
    with open_client(target, cancel) as hub, StateFile(project.root) as state:
        namespace = resolve_namespace(hub, target, destination.namespace, writing=writing)
        yield HubSession(
            project=project,
            target=target,
            namespace=namespace,
            hub=hub,
            cache=StateCache(state, str(target)),
            reporter=reporter,
            renderer=card_renderer(project, target, namespace),
        )
        if not state.saved:
            what = f"Could not write {state.path}, so the next run sends more requests"
            reporter.warn("state_not_saved", what)


def card_renderer(project: Project, target: Target, namespace: str) -> CardRenderer:
    """The renderer of a project's cards for a Hub."""
    return CardRenderer(
        namespace, target.files_url, project.config.project, project.templates_folder
    )


def resolve_namespace(
    hub: HubClient, target: Target, namespace: str | None, *, writing: bool
) -> str:
    """`namespace`, or the owner of the token.

    A local Hub needs no request, and neither does reading a namespace by name. Raises AccessError
    without a token, or for `writing` with one that may not write there.
    """
    if target.kind == "local":
        return namespace or LOCAL_NAMESPACE
    if namespace is not None and not writing:
        return namespace
    with translated_errors(str(target)):
        signed_in = hub.signed_in
    if not signed_in:
        raise AccessError("not logged in", where=target, fix=LOGIN)
    if namespace is not None and os.environ.get("HF_OIDC_RESOURCE"):
        return namespace  # a token of trusted publishing belongs to a repository and to nobody
    user = parse_json(hub.get("/api/whoami-v2", str(target)), str(target), dict, "name")
    allowed = [user["name"], *(org["name"] for org in user.get("orgs", ()))]
    if namespace is not None and namespace not in allowed:
        raise AccessError(
            f"{user['name']} may not publish to {namespace!r}",
            where=target,
            fix=f"Use --namespace with one of: {', '.join(allowed)}",
        )
    role = user.get("auth", {}).get("accessToken", {}).get("role")
    if writing and role == "read":
        raise AccessError("the token has read access only", where=target, fix=LOGIN)
    return namespace or str(user["name"])
