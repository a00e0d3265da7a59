"""All visitors of one page, each by the key of their session."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hubtools.core.config import Project
from hubtools.demo.folders import make_folder, sweep
from hubtools.demo.options import Settings
from hubtools.demo.session import Visit


class Visits:
    """Who is here. `downloads` is the folder from which the page serves files."""

    def __init__(self, settings: Settings, project: Project) -> None:
        sweep()
        self._own = make_folder()
        self.downloads = self._own.path / "page"
        self.downloads.mkdir()
        self._settings, self._project = settings, project
        self._visits: dict[str, Visit] = {}
        self._uploads: dict[str, set[Path]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._visits)

    def of(self, session: str) -> Visit:
        """The visit of a session, begun now unless it is there."""
        with self._lock:
            if session not in self._visits:
                folder = Path(tempfile.mkdtemp(prefix="visit-", dir=self._own.path))
                self._visits[session] = Visit(folder, self.downloads, self._settings, self._project)
            return self._visits[session]

    def remember(self, session: str, uploads: Sequence[Path]) -> None:
        """These files that the page received go when the session ends."""
        with self._lock:
            self._uploads.setdefault(session, set()).update(uploads)

    def end(self, session: str) -> None:
        """Delete everything of a session; an upload that another one shares stays for that."""
        with self._lock:
            visit = self._visits.pop(session, None)
            own = self._uploads.pop(session, set())
            shared = Counter(file for files in self._uploads.values() for file in files)
        if visit is not None:
            visit.close()
        for file in own:
            if not shared[file]:
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """End all visits, and delete everything."""
        for session in list(self._visits):
            self.end(session)
        self._own.remove()
