"""Publishing behind the workers: trained models wait in a short queue and go up together."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, Full, Queue

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import CardError, ConflictError, HubtoolsError, PolicyError
from hubtools.core.events import Reporter
from hubtools.fleet.progress import FleetProgress
from hubtools.services.apply import apply_cards
from hubtools.services.plan import plan_cards
from hubtools.services.session import HubSession, open_session
from hubtools.services.targets import Destination
from hubtools.sync.apply import ApplyResult

_POLL = 1.0  # seconds between two looks at whether the thread lives


class FleetPublisher:
    """A thread that plans and applies models as they are trained.

    Use it as a context manager: entering it checks the token (raises AccessError and
    HubUnavailableError), and `finish` sends everything that waits. A Hub or a token that fails for
    good is `cause`, and cancels `workers`.
    """

    def __init__(
        self,
        project: Project,
        destination: Destination,
        *,
        max_pending: int,
        keep_folders: bool,
        cancel: CancelToken,
        workers: CancelToken,
    ) -> None:
        self.cause: HubtoolsError | None = None
        self.target = destination.target
        self.namespace = ""
        self.progress: FleetProgress
        """Records the results; set it before the first `put`."""
        self._project, self._destination = project, destination
        self._keep_folders, self._workers = keep_folders, workers
        self._cancel = cancel
        """Once set, the requests in flight are the last; the next run sends what waits."""
        self._queue: Queue[str | None] = Queue(max_pending)
        self._ready = threading.Event()
        self._pool = ThreadPoolExecutor(1, "publisher")
        self._work: Future[None]

    def __enter__(self) -> FleetPublisher:
        self._work = self._pool.submit(self._run)
        self._ready.wait()
        if not self.namespace:
            self._work.result()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            self._cancel.cancel()
        self.finish()

    def put(self, name: str) -> None:
        """Publish the model `name`; blocks while the queue is full."""
        while not (self._cancel.cancelled or self._work.done()):
            with suppress(Full):
                self._queue.put(name, timeout=_POLL)
                break

    def finish(self) -> None:
        """Wait until everything that waits is sent. Raises what ended the thread."""
        while not self._work.done():
            with suppress(Full):
                self._queue.put(None, timeout=_POLL)
                break
        self._pool.shutdown()
        self._work.result()

    def _run(self) -> None:
        try:
            with open_session(
                self._project, self._destination, Reporter(), self._cancel, writing=True
            ) as session:
                self.namespace = session.namespace
                self._ready.set()
                while names := self._next():
                    self._publish(session, names)
        except BaseException:
            self._workers.cancel()
            self._cancel.cancel()
            raise
        finally:
            self._ready.set()

    def _next(self) -> list[str]:
        """All names that wait, at least one; none at the end.

        Each plan costs a listing of the namespace, so a longer queue needs fewer requests.
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
        if self._cancel.cancelled:
            return
        files = [self._project.cards_folder / f"{name}.toml" for name in names]
        try:
            plan = plan_cards(session, files, full=False).plan
        except CancelledError:
            return  # cancelled; the next run does the rest
        except (PolicyError, CardError, ConflictError, OSError) as error:
            if len(names) > 1:
                for name in names:  # one that is refused takes no other along
                    self._publish(session, [name])
            else:
                self._refuse(names[0], error)
            return
        except HubtoolsError as error:
            self._give_up(error)
            return
        self._record(names, apply_cards(session, plan, files))

    def _record(self, names: Sequence[str], done: ApplyResult) -> None:
        if done.cause is not None:
            self._give_up(done.cause)
        if done.left:
            return  # only the Hub knows which of them are there; the next plan finds out
        failed = {one.name: HubtoolsError(one.error) for one in done.failed}
        failed |= {one.name: ConflictError(one.error) for one in done.conflicts}
        for name in names:
            if name in failed:
                self._refuse(name, failed[name])
                continue
            self.progress.record_published(name)
            if not self._keep_folders:
                shutil.rmtree(self._project.models_folder / name, ignore_errors=True)

    def _refuse(self, name: str, error: Exception) -> None:
        code = error.exit_code if isinstance(error, HubtoolsError) else 1
        self.progress.record_unpublished(name, str(error), code)

    def _give_up(self, error: HubtoolsError) -> None:
        self.cause = error
        self._workers.cancel()
        self._cancel.cancel()
