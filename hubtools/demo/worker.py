"""The process that works for one visitor: told its job on stdin, it says how it goes on stdout.

`python -m hubtools.demo.worker`. It ends as it does on Ctrl-C when its stdin is closed: on the
button that stops, and when the page's own process is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from hubtools.core.cancel import CancelledError, cancel_on_interrupt
from hubtools.core.config import Project
from hubtools.core.errors import HubtoolsError, PolicyError
from hubtools.core.events import Event, Note, Progress, Reporter, Warning
from hubtools.core.files import write_atomically
from hubtools.demo import messages as say

if TYPE_CHECKING:
    from hubtools.corpus.corpus import Corpus

_EVERY = 0.1  # seconds between two steps that are said
_SAMPLES = 5


def main() -> None:
    """Do the one job of this process."""
    # What libraries print must not come between the lines of events.
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    try:
        job = say.decode_job(sys.stdin.buffer.readline())
        threading.Thread(target=_interrupt_at_end_of, args=(sys.stdin.buffer,), daemon=True).start()
        end = _do(job, Reporter((_Sender(out),)))
    except (KeyboardInterrupt, CancelledError):
        end = say.Stopped()
    except HubtoolsError as error:
        end = say.Failed(str(error))
    except OSError as error:
        end = say.Failed(f"{error.filename or 'system'}: {error.strerror or error}")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out.write(say.encode(end))


def _interrupt_at_end_of(stream: IO[bytes]) -> None:
    stream.read()
    os.kill(os.getpid(), signal.SIGINT)


def _do(job: say.Look | say.Train | say.Publish, report: Reporter) -> say.Ending:
    project = Project(Path(job.root), job.config)
    match job:
        case say.Look():
            return _look(job, project, report)
        case say.Train():
            return _train(job, project, report)
        case _:
            return _publish(job, project, report)


def _look(job: say.Look, project: Project, report: Reporter) -> say.Looked:
    from hubtools.services.read import ReadRequest, read

    request = job.request
    reading = ReadRequest(
        project=project,
        sources=request.sources,
        options=request.reading,
        cleaning=request.cleaning,
        language=request.language,
    )
    corpora = read(reading, report, CancelToken()).corpora
    texts = [json.dumps(post.text) for corpus in corpora for post in corpus.kept]
    write_atomically(Path(job.kept), "\n".join(texts))
    return say.Looked(tuple(map(_seen, corpora)))


def _seen(corpus: Corpus) -> say.SeenAccount:
    from hubtools.corpus.corpus import check_enough

    warnings: Sequence[str] = ()
    refusal = None
    try:
        warnings = check_enough([corpus])
    except PolicyError as error:
        refusal = f"{error.what[0].upper()}{error.what[1:]}. {error.fix}."
    account = corpus.account
    names = [account.name, f"@{account.handle}" if account.handle else None]
    step = max(1, len(corpus.kept) // _SAMPLES)
    return say.SeenAccount(
        title=" ".join(name for name in names if name) or Path(corpus.source).name,
        counts=corpus.counts,
        left_out=tuple(_left_out(corpus)),
        redacted=corpus.redacted,
        samples=tuple(post.text for post in corpus.kept[step // 2 :: step][:_SAMPLES]),
        notes=corpus.notes,
        warning=warnings[0].partition(": ")[2] if warnings else None,
        refusal=refusal,
    )


def _left_out(corpus: Corpus) -> Iterator[say.LeftOut]:
    for reason, count in corpus.reasons.items():
        examples = corpus.examples.get(reason, ())
        yield say.LeftOut(reason, count, examples[0].before if examples else None)


def _train(job: say.Train, project: Project, report: Reporter) -> say.Trained:
    from hubtools.services.train import train

    with cancel_on_interrupt() as cancel:
        made = train(replace(job.request, project=project), report, cancel)
    return say.Trained(str(made.card_file), str(made.folder.path))


def _publish(job: say.Publish, project: Project, report: Reporter) -> say.Published:
    if job.token is not None:
        os.environ["HF_TOKEN"] = job.token
    from hubtools.services.publish import push_card
    from hubtools.services.session import open_session
    from hubtools.services.targets import Destination
    from hubtools.sync.target import parse_target

    target = parse_target(job.to, project.root)
    destination = Destination(target, job.namespace)
    with (
        cancel_on_interrupt() as cancel,
        open_session(project, destination, report, cancel, writing=True) as session,
    ):
        pushed = push_card(session, Path(job.card))
    return say.Published(pushed.repo_id, target.page(pushed.repo_id))


class _Sender:
    """A listener that sends events to the page, progress at a bearable rate."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._sent = -_EVERY

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, Progress):
            if now - self._sent < _EVERY and event.done < event.total:
                return
            self._sent = now
        message = _message(event)
        if message is not None:
            self._out.write(say.encode(message))


def _message(event: Event) -> say.Note | say.Step | None:
    match event:
        case Note(text, verbose=False):
            return say.Note(text)
        case Warning(code, text):
            return say.Note(text, code)
        case Progress(task, done, total, detail, metrics):
            return say.Step(task, done, total, detail, metrics.loss if metrics else None)
        case _:
            return None


if __name__ == "__main__":
    main()
