"""A visitor's job in a process of its own: its events, and how it is stopped."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from hubtools.demo.messages import (
    DemoEvent,
    DemoJob,
    JobCancelled,
    JobEnd,
    JobFailed,
    JobTimedOut,
)

_STOP_WITHIN = 20.0  # seconds from `stop` to the end of the process
_TERMINATE_WITHIN = 5.0


class JobProcess:
    """A job that has been started.

    A process can be stopped at any moment, gives its memory back, and leaves the page quick. It
    gets the environment `environ`, and no shell sees anything of it.
    """

    def __init__(
        self, job: DemoJob, environ: Mapping[str, str], log: Path, max_minutes: float
    ) -> None:
        self._max_minutes, self._log = max_minutes, log
        self._stopped, self._timed_out = threading.Event(), threading.Event()
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
            pickle.dump(job, self._process.stdin)
            self._process.stdin.flush()

    def events(self) -> Iterator[DemoEvent]:
        """The job's events as they happen; the last one is its end."""
        assert self._process.stdout is not None
        timer = threading.Timer(self._max_minutes * 60, self._time_out)
        timer.daemon = True
        timer.start()
        last: DemoEvent | None = None
        try:
            with suppress(EOFError, pickle.UnpicklingError):  # the process ended
                while not isinstance(last, JobEnd):
                    last = pickle.load(self._process.stdout)
                    if not isinstance(last, JobCancelled):
                        yield last
        except GeneratorExit:  # nobody listens any more
            self.stop()
            raise
        finally:
            timer.cancel()
            self._wait()
        ended = isinstance(last, JobEnd)
        if isinstance(last, JobCancelled) or (self._stopped.is_set() and not ended):
            timed_out = self._timed_out.is_set()
            yield JobTimedOut(self._max_minutes) if timed_out else JobCancelled()
        elif not ended:
            yield JobFailed(f"The job ended unexpectedly: {self._last_error()}")

    def stop(self) -> None:
        """Cancel the job: it ends after the step in progress, and keeps what is done."""
        self._stopped.set()
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def kill(self) -> None:
        self.stop()
        self._process.kill()
        self._process.wait()

    def _time_out(self) -> None:
        self._timed_out.set()
        self.stop()

    def _wait(self) -> None:
        for seconds, harder in (
            (_STOP_WITHIN, self._process.terminate),
            (_TERMINATE_WITHIN, self._process.kill),
        ):
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                harder()
        self._process.wait()

    def _last_error(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else f"exit code {self._process.returncode}"


def job_environment(cache: Path, *, private: bool) -> dict[str, str]:
    """The environment of a visitor's jobs, with their copies of networks' responses in `cache`.

    Unless the page is `private`, it lacks the login of this machine.
    """
    environ = {**os.environ, "HUBTOOLS_CACHE": str(cache)}
    if not private:
        for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
            environ.pop(name, None)
        environ["HF_TOKEN_PATH"] = os.devnull
    return environ
