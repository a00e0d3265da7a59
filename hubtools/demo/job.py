"""One job in a process of its own: its events, and how it is stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from hubtools.demo.messages import Event, Failed, Job, Stopped, decode_event, encode

_WAIT = 20.0  # seconds that a job gets to end by itself once it was asked to


class Work:
    """A job that has been started.

    It is a process, so that it can be stopped at any moment, its memory is given back, and the
    page stays quick. It sees the environment `environ`, and nothing of it goes through a shell.
    """

    def __init__(self, job: Job, environ: Mapping[str, str], log: Path, minutes: float) -> None:
        self._minutes = minutes
        self._asked = threading.Event()
        self._late = False
        self._log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hubtools.demo.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(environ),
                start_new_session=True,  # Ctrl-C is for the page, which then stops this
            )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(encode(job))
            self._process.stdin.flush()

    def events(self) -> Iterator[Event]:
        """What the job says, as it says it; the last one is its end."""
        assert self._process.stdout is not None
        timer = threading.Timer(self._minutes * 60, self._run_out)
        timer.daemon = True
        timer.start()
        last: Event | None = None
        try:
            for line in self._process.stdout:
                last = decode_event(line)
                if isinstance(last, Stopped):
                    break
                yield last
        except GeneratorExit:  # nobody listens any more
            self.stop()
            raise
        finally:
            timer.cancel()
            self._wait()
        if isinstance(last, Stopped) or (self._asked.is_set() and not _is_end(last)):
            yield Failed(self._too_long()) if self._late else Stopped()
        elif not _is_end(last):
            yield Failed(f"The work ended unexpectedly: {self._last_words()}")

    def stop(self) -> None:
        """Ask the job to end after the step in progress, keeping what is done."""
        self._asked.set()
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def kill(self) -> None:
        """End the job now."""
        self.stop()
        self._process.kill()
        self._process.wait()

    def _run_out(self) -> None:
        self._late = True
        self.stop()

    def _wait(self) -> None:
        try:
            self._process.wait(_WAIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _too_long(self) -> str:
        return f"This took longer than {self._minutes:g} minutes and was stopped."

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"exit code {self._process.returncode}"


def _is_end(event: Event | None) -> bool:
    from hubtools.demo.messages import Looked, Published, Trained

    return isinstance(event, Looked | Trained | Published | Failed | Stopped)


def clean_environment(cache: Path, *, private: bool) -> dict[str, str]:
    """The environment of a visitor's jobs: copies of networks' answers go to `cache`.

    Where the page is not `private` to who runs it, no login of this machine is in it.
    """
    environ = {**os.environ, "HUBTOOLS_CACHE": str(cache)}
    if not private:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            environ.pop(name, None)
        environ["HF_TOKEN_PATH"] = os.devnull
    return environ
