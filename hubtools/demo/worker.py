"""The process that does a visitor's job: the job on stdin, its events on stdout.

`python -m hubtools.demo.worker`. Closing its stdin cancels the job; that also happens when the
page's process dies.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import HubtoolsError, PolicyError
from hubtools.core.events import Event, Note, Progress, Reporter, Warning
from hubtools.core.files import write_atomically
from hubtools.corpus.corpus import Corpus, check_enough
from hubtools.demo.messages import (
    AccountSummary,
    DemoJob,
    DroppedPosts,
    JobCancelled,
    JobEnd,
    JobFailed,
    ModelPublished,
    ModelTrained,
    PostsRead,
    PublishModel,
    ReadPosts,
    TrainModel,
    decode,
    encode,
)
from hubtools.services.publish import push_card
from hubtools.services.read import ReadRequest, read
from hubtools.services.session import open_session
from hubtools.services.targets import resolve_target
from hubtools.services.train import TrainRequest, train

_PROGRESS_EVERY = 0.1  # seconds
_SAMPLES = 5


def main() -> None:
    """Do the one job of this process."""
    # What libraries print must not come between the lines of events.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    job = decode(sys.stdin.buffer.readline())
    cancel = CancelToken()
    threading.Thread(target=_cancel_at_end_of_stdin, args=(cancel,), daemon=True).start()
    out.write(encode(_do(job, Reporter((_EventWriter(out),)), cancel)))


def _cancel_at_end_of_stdin(cancel: CancelToken) -> None:
    sys.stdin.buffer.read()
    cancel.cancel()


def _do(job: DemoJob, reporter: Reporter, cancel: CancelToken) -> JobEnd:
    project = Project(Path(job.root), job.config)
    try:
        match job:
            case ReadPosts():
                return _read(job, project, reporter, cancel)
            case TrainModel():
                return _train(job, project, reporter, cancel)
            case PublishModel():
                return _publish(job, project, reporter, cancel)
    except CancelledError:
        return JobCancelled()
    except HubtoolsError as error:
        return JobFailed(str(error), error.exit_code)
    except OSError as error:
        return JobFailed(f"{error.filename or 'system'}: {error.strerror or error}")


def _read(job: ReadPosts, project: Project, reporter: Reporter, cancel: CancelToken) -> PostsRead:
    request = ReadRequest(project=project, sources=job.sources)
    corpora = read(request, reporter, cancel).corpora
    texts = [json.dumps(post.text) for corpus in corpora for post in corpus.kept]
    write_atomically(Path(job.kept), "\n".join(texts))
    return PostsRead(tuple(map(_summary, corpora)))


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
        counts=corpus.counts,
        dropped=tuple(_dropped(corpus)),
        redacted=corpus.redacted,
        samples=tuple(post.text for post in corpus.kept[step // 2 :: step][:_SAMPLES]),
        notes=corpus.notes,
        warning=warnings[0].partition(": ")[2] if warnings else None,
        refusal=refusal,
    )


def _dropped(corpus: Corpus) -> Iterator[DroppedPosts]:
    for reason, count in corpus.reasons.items():
        examples = corpus.examples.get(reason, ())
        yield DroppedPosts(reason, count, examples[0].before if examples else None)


def _train(
    job: TrainModel, project: Project, reporter: Reporter, cancel: CancelToken
) -> ModelTrained:
    request = TrainRequest(
        project=project,
        sources=job.sources,
        base=job.base,
        recipe=job.recipe,
        seed=job.seed,
        prompt=job.prompt,
        name=job.name,
    )
    model = train(request, reporter, cancel)
    return ModelTrained(str(model.card_file), str(model.folder.path))


def _publish(
    job: PublishModel, project: Project, reporter: Reporter, cancel: CancelToken
) -> ModelPublished:
    if job.token is not None:
        os.environ["HF_TOKEN"] = job.token
    destination = resolve_target(project, job.to, job.namespace)
    with open_session(project, destination, reporter, cancel, writing=True) as session:
        pushed = push_card(session, project.cards_folder / f"{job.name}.toml")
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
        self._out.write(encode(event))


if __name__ == "__main__":
    main()
