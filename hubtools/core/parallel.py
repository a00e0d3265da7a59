"""Chunks of independent work on all cores, in processes that leave Ctrl-C to their parent."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import TypeVar

from hubtools.core.errors import PartlyDoneError

Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


def cores() -> int:
    """The cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def map_chunks(
    work: Callable[[Chunk], Result], chunks: Iterable[Chunk], processes: int
) -> Generator[Result, None, None]:
    """`work(chunk)` for each chunk, in `processes` processes, of which this one is the first.

    Results come as they are ready. With several processes `work` must be picklable, and what it
    raises ends the iteration; chunks that wait are dropped then. Raises PartlyDoneError when a
    process dies.
    """
    if processes < 2:
        yield from map(work, chunks)
        return
    with _pool(processes - 1) as pool:
        pending: deque[Future[Result]] = deque()
        for chunk in chunks:
            if len(pending) < 2 * (processes - 1):
                with _interrupts_blocked():  # a process that starts inherits this
                    pending.append(pool.submit(work, chunk))
                continue
            yield work(chunk)  # the others are busy, or still starting
            while pending and pending[0].done():
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    pool = ProcessPoolExecutor(processes, get_context("spawn"), _begin_worker)
    try:
        yield pool
    except BrokenProcessPool as error:
        raise PartlyDoneError(
            "a worker process died", fix="Run the command again; finished work is kept"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    """Ignore Ctrl-C, which the parent handles, and end when the parent was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
