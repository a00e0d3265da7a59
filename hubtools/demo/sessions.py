"""The sessions of all visitors of one page."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hubtools.core.config import Project
from hubtools.demo.folders import make_page_folder, remove_abandoned_folders
from hubtools.demo.options import DemoOptions
from hubtools.demo.session import DemoSession


class DemoSessions:
    """Sessions by their keys; the page serves files from the folder `downloads`."""

    def __init__(self, options: DemoOptions, project: Project) -> None:
        remove_abandoned_folders()
        self._folder = make_page_folder()
        self.downloads = self._folder.path / "page"
        self.downloads.mkdir()
        self._options, self._project = options, project
        self._sessions: dict[str, DemoSession] = {}
        self._uploads: dict[str, set[Path]] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> DemoSession:
        """The session with this key, started now if it is new."""
        with self._lock:
            if key not in self._sessions:
                folder = Path(tempfile.mkdtemp(prefix="session-", dir=self._folder.path))
                self._sessions[key] = DemoSession(
                    folder, self.downloads, self._options, self._project
                )
            return self._sessions[key]

    def add_uploads(self, key: str, uploads: Sequence[Path]) -> None:
        """Delete these files of the page along with the session."""
        with self._lock:
            self._uploads.setdefault(key, set()).update(uploads)

    def end(self, key: str) -> None:
        """Delete everything of a session; an upload that another one shares stays for that."""
        with self._lock:
            session = self._sessions.pop(key, None)
            own = self._uploads.pop(key, set())
            shared = Counter(file for files in self._uploads.values() for file in files)
        if session is not None:
            session.close()
        for file in own:
            if not shared[file]:
                file.unlink(missing_ok=True)

    def close(self) -> None:
        for key in list(self._sessions):
            self.end(key)
        self._folder.remove()
