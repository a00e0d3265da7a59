"""Addresses of pages: absolute paths on the server, relative ones in an exported site."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, urlencode

from hubtools.localhub.types import RepoId


@dataclass(frozen=True, slots=True)
class ServerLinks:
    """Paths on the server; `origin` is its scheme and host, for absolute URLs."""

    origin: str

    def asset(self, name: str) -> str:
        return f"/-/{name}"

    def gallery(self, number: int = 1, **query: str | None) -> str:
        namespace = query.pop("namespace", None)
        params = {key: value for key, value in query.items() if value}
        if number > 1:
            params["page"] = str(number)
        return f"/{namespace or ''}" + (f"?{urlencode(params)}" if params else "")

    def search(self) -> str:
        return "/"

    def fleets(self) -> str:
        return "/-/fleets"

    def fleet(self, name: str) -> str:
        return f"/-/fleets/{quote(name)}"

    def card(self, repo_id: RepoId) -> str:
        return f"/{repo_id}"

    def files(self, repo_id: RepoId, revision: str = "main", path: str = "") -> str:
        return f"/{repo_id}/tree/{revision}" + (f"/{quote(path)}" if path else "")

    def show(self, repo_id: RepoId, revision: str, path: str) -> str:
        return f"/{repo_id}/blob/{revision}/{quote(path)}"

    def file(self, repo_id: RepoId, revision: str, path: str) -> str:
        return f"/{repo_id}/resolve/{revision}/{quote(path)}"

    def folder(self, repo_id: RepoId) -> str:
        return f"/{repo_id}/resolve/main"

    def history(self, repo_id: RepoId, revision: str = "main") -> str:
        return f"/{repo_id}/commits/{revision}"

    def commit(self, repo_id: RepoId, oid: str) -> str:
        return f"/{repo_id}/commit/{oid}"

    def run(self, repo_id: RepoId) -> str:
        return f"/{repo_id}/run"

    def share(self, repo_id: RepoId, key: str) -> str:
        return f"/{repo_id}/share/{key}"

    def share_picture(self, repo_id: RepoId, key: str) -> str:
        return f"/{repo_id}/share/{key}.png"

    def absolute(self, link: str) -> str:
        return self.origin + link


@dataclass(frozen=True, slots=True)
class SiteLinks:
    """Addresses relative to one file of an exported site, so that the site works anywhere.

    `here` is that file's path in the site, `origin` the site's URL, if known, `copied` the paths
    of each repository's exported files, and `shared` whether there are pages to share.
    """

    here: str
    origin: str | None
    copied: Mapping[RepoId, frozenset[str]]
    shared: bool

    def asset(self, name: str) -> str:
        return self._to(f"-/{name}")

    def gallery(self, number: int = 1, **query: str | None) -> str:
        params = {key: value for key, value in query.items() if value}
        if params:
            return f"{self._to('search.html')}?{urlencode(params)}"
        return self._to(gallery_file(number))

    def search(self) -> str:
        return self._to("search.html")

    def fleets(self) -> None:
        return None

    def fleet(self, name: str) -> None:
        return None

    def card(self, repo_id: RepoId) -> str:
        return self._to(f"{repo_id}/index.html")

    def files(self, repo_id: RepoId, revision: str = "main", path: str = "") -> str | None:
        return self._to(f"{repo_id}/files.html") if revision == "main" else None

    def show(self, repo_id: RepoId, revision: str, path: str) -> str | None:
        return self.file(repo_id, revision, path)

    def file(self, repo_id: RepoId, revision: str, path: str) -> str | None:
        if revision != "main" or path not in self.copied.get(repo_id, ()):
            return None
        return self._to(f"{repo_id}/files/{path}")

    def folder(self, repo_id: RepoId) -> str:
        return self._to(f"{repo_id}/files")

    def history(self, repo_id: RepoId, revision: str = "main") -> str | None:
        return self._to(f"{repo_id}/history.html") if revision == "main" else None

    def commit(self, repo_id: RepoId, oid: str) -> str:
        return self._to(f"{repo_id}/commit/{oid}.html")

    def run(self, repo_id: RepoId) -> str:
        return self._to(f"{repo_id}/run.html")

    def share(self, repo_id: RepoId, key: str) -> str | None:
        return self._to(f"{repo_id}/share/{key}.html") if self.shared else None

    def share_picture(self, repo_id: RepoId, key: str) -> str | None:
        return self._to(f"{repo_id}/share/{key}.png") if self.shared else None

    def absolute(self, link: str) -> str | None:
        if self.origin is None:
            return None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.here), link))
        return f"{self.origin.rstrip('/')}/{path}"

    def _to(self, path: str) -> str:
        return "../" * self.here.count("/") + quote(path)


Links: TypeAlias = ServerLinks | SiteLinks
"""Addresses for a page's template; None where there is no such page."""


def gallery_file(number: int) -> str:
    """The file of page `number` of an exported gallery, from 1."""
    return "index.html" if number == 1 else f"-/page/{number}.html"
