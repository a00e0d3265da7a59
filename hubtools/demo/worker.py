"""The process that does a visitor's job: the job on stdin, its events on stdout, both pickled.

`python -m hubtools.demo.worker`. Closing its stdin cancels the job; that also happens when the
page's process dies.
"""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.errors import HubtoolsError, PolicyError
from hubtools.core.events import Event, Note, Progress, Reporter, Warning
from hubtools.corpus.corpus import Corpus, check_enough
from hubtools.demo.messages import (
    AccountSummary,
    DemoJob,
    JobCancelled,
    JobEnd,
    JobFailed,
    ModelPublished,
    ModelTrained,
    PostsRead,
    PublishModel,
)
from hubtools.services.publish import push_card
from hubtools.services.read import ReadRequest, read
from hubtools.services.session import open_session
from hubtools.services.targets import resolve_target
from hubtools.services.train import TrainRequest, train

_PROGRESS_EVERY = 0.1  # seconds
_SAMPLES = 5


def main() -> None:
    # What libraries print must not come between the events.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    job = pickle.load(sys.stdin.buffer)
    cancel = CancelToken()
    threading.Thread(target=_cancel_at_end_of_stdin, args=(cancel,), daemon=True).start()
    out.write(pickle.dumps(_do(job, Reporter((_EventWriter(out),)), cancel)))


def _cancel_at_end_of_stdin(cancel: CancelToken) -> None:
    sys.stdin.buffer.read()
    cancel.cancel()


def _do(job: DemoJob, reporter: Reporter, cancel: CancelToken) -> JobEnd:
    try:
        match job:
            case ReadRequest():
                return _read(job, reporter, cancel)
            case TrainRequest():
                return ModelTrained(train(job, reporter, cancel).card.repo)
            case PublishModel():
                return _publish(job, reporter, cancel)
    except CancelledError:
        return JobCancelled()
    except HubtoolsError as error:
        return JobFailed(str(error), error.exit_code)
    except OSError as error:
        return JobFailed(f"{error.filename or 'system'}: {error.strerror or error}")


def _read(request: ReadRequest, reporter: Reporter, cancel: CancelToken) -> PostsRead:
    return PostsRead(tuple(map(_summary, read(request, reporter, cancel).corpora)))


def _summary(corpus: Corpus) -> AccountSummary:
    warnings: Sequence[str] = ()
    refusal = None
    try:
        warnings = check_enough([corpus])
    except PolicyError as error:
        refusal = f"{error.what[0].upper()}{error.what[1:]}. {error.fix}."
    account = corpus.account
    names = [account.name, f"@{account.handle}" if account.handle else None]
    step = max(1, len(corpus.kept) // _SAMPLES)
    return AccountSummary(
        title=" ".join(name for name in names if name) or Path(corpus.source).name,
        corpus=corpus,
        samples=tuple(post.text for post in corpus.kept[step // 2 :: step][:_SAMPLES]),
        warning=warnings[0].partition(": ")[2] if warnings else None,
        refusal=refusal,
    )


def _publish(job: PublishModel, reporter: Reporter, cancel: CancelToken) -> ModelPublished:
    if job.token is not None:
        os.environ["HF_TOKEN"] = job.token
    destination = resolve_target(job.project, job.to, job.namespace)
    with open_session(job.project, destination, reporter, cancel, writing=True) as session:
        pushed = push_card(session, job.project.cards_folder / f"{job.name}.toml")
    return ModelPublished(pushed.repo_id, destination.target.page(pushed.repo_id))


class _EventWriter:
    """A listener that writes events for the page, progress only now and then."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._last_progress = -_PROGRESS_EVERY

    def __call__(self, event: Event) -> None:
        match event:
            case Progress(done=done, total=total):
                now = time.monotonic()
                if now - self._last_progress < _PROGRESS_EVERY and done < total:
                    return
                self._last_progress = now
            case Note(verbose=False) | Warning():
                pass
            case _:
                return
        self._out.write(pickle.dumps(event))


if __name__ == "__main__":
    main()
