"""Uploading behind the workers: finished models wait in a short queue, and go up together."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, Full, Queue

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import CardError, ConflictError, HubtoolsError, PolicyError
from hubtools.core.events import Reporter
from hubtools.fleet.progress import Progress
from hubtools.services.apply import apply_cards
from hubtools.services.plan import plan_cards
from hubtools.services.session import HubSession, open_session
from hubtools.services.targets import Destination
from hubtools.sync.apply import ApplyResult
from hubtools.sync.target import Target

_LOOK = 1.0  # seconds between two looks at whether the thread lives


class Publisher:
    """A thread that brings models to the Hub by plan and apply, as `hubtools apply` would.

    Use it as a context: on entering it knows whether the token will do (raises AccessError and
    HubUnavailableError), `finish` sends all that waits. A Hub or a token that fails for
    good sets `stop`, and is `cause`.
    """

    def __init__(
        self,
        project: Project,
        target: Target,
        namespace: str | None,
        *,
        waiting: int,
        keep: bool,
        stop: threading.Event,
    ) -> None:
        self.cause: HubtoolsError | None = None
        self.namespace = ""
        self._project, self._target, self._asked = project, target, namespace
        self._keep, self._stop = keep, stop
        self._queue: Queue[str | None] = Queue(waiting)
        self._ready = threading.Event()
        self._cut = CancelToken()
        self._progress: Progress | None = None
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="publisher")

    def __enter__(self) -> Publisher:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self.cut()
        self.finish()

    def finish(self) -> None:
        """Wait until all that waits is sent. Raises what ended the thread."""
        while self._thread.is_alive():
            with suppress(Full):
                self._queue.put(None, timeout=_LOOK)
                break
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def tell(self, progress: Progress) -> None:
        """Where to say what was published; before the first model."""
        self._progress = progress

    def put(self, name: str) -> None:
        """Publish the model `name`; waits while too many others wait."""
        while not self._cut.cancelled and self._thread.is_alive():
            with suppress(Full):
                self._queue.put(name, timeout=_LOOK)
                break

    def cut(self) -> None:
        """End after the requests in flight; what waits is left for the next run.

        A signal handler may call this: it sets events and takes no lock of the queue's.
        """
        self._cut.cancel()

    def _run(self) -> None:
        try:
            destination = Destination(self._target, self._asked)
            with open_session(
                self._project, destination, Reporter(), self._cut, writing=True
            ) as session:
                self.namespace = session.namespace
                self._ready.set()
                while names := self._next():
                    self._publish(session, names)
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self._failure = error
            self._stop.set()
            self._cut.cancel()
        finally:
            self._ready.set()

    def _next(self) -> list[str]:
        """All names that wait, at least one; none at the end.

        Each plan costs a listing of the namespace, so the longer the queue the fewer requests.
        """
        first = self._queue.get()
        names = [] if first is None else [first]
        while names:
            try:
                name = self._queue.get_nowait()
            except Empty:
                break
            if name is None:
                self._queue.put(None)
                break
            names.append(name)
        return names

    def _publish(self, session: HubSession, names: Sequence[str]) -> None:
        if self._cut.cancelled or self.cause is not None:
            return
        files = [self._project.cards_folder / f"{name}.toml" for name in names]
        try:
            plan = plan_cards(session, files, full=False).plan
        except CancelledError:
            return  # it was cut, and the next run does the rest
        except (PolicyError, CardError, ConflictError, OSError) as error:
            if len(names) > 1:
                for name in names:  # one that is refused takes no other along
                    self._publish(session, [name])
            else:
                self._refuse(names[0], error)
            return
        except HubtoolsError as error:
            self._end(error)
            return
        self._settle(names, apply_cards(session, plan, files))

    def _settle(self, names: Sequence[str], done: ApplyResult) -> None:
        troubles = {one.name: one.error for one in (*done.failed, *done.conflicts)}
        conflicts = {one.name for one in done.conflicts}
        if done.cause is not None:
            self._end(done.cause)
        if done.left:
            return  # which of them is known to the Hub alone, and to the next plan
        for name in names:
            if name in troubles:
                code = ConflictError.exit_code if name in conflicts else 1
                self._refuse(name, HubtoolsError(troubles[name]), code)
                continue
            if self._progress is not None:
                self._progress.published(name)
            if not self._keep:
                shutil.rmtree(self._project.models_folder / name, ignore_errors=True)

    def _refuse(self, name: str, error: Exception, code: int | None = None) -> None:
        if self._progress is not None:
            known = error.exit_code if isinstance(error, HubtoolsError) else 1
            what = f"made, but not published: {error}"
            self._progress.refused(name, what, known if code is None else code)

    def _end(self, error: HubtoolsError) -> None:
        """The Hub takes nothing more in this run."""
        self.cause = error
        self._stop.set()
        self.cut()
