"""A session with a Hub: what planning, applying and pulling work with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hubtools.cards.render import CardRenderer
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.events import Reporter
from hubtools.core.state import StateFile
from hubtools.services.targets import Destination, card_renderer
from hubtools.sync.access import resolve_namespace
from hubtools.sync.client import HubClient, open_client
from hubtools.sync.state import StateCache
from hubtools.sync.target import Target


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
    with open_client(target, cancel) as hub:
        namespace = resolve_namespace(hub, target, destination.namespace, writing=writing)
        renderer = card_renderer(project, target, namespace)
        with StateFile(project.root) as state:
            yield HubSession(
                project=project,
                target=target,
                namespace=namespace,
                hub=hub,
                cache=StateCache(state, str(target)),
                reporter=reporter,
                renderer=renderer,
            )
            if not state.saved:
                what = f"Could not write {state.path}, so the next run sends more requests"
                reporter.warn("state_not_saved", what)
