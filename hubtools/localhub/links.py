"""Addresses of pages: absolute paths on the server, relative ones in an exported site."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from hubtools.localhub.types import RepoId


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses for a page's template; None where there is no such page.

    These are paths on the server; `origin` is its scheme and host, for absolute URLs.
    """

    origin: str | None

    def asset(self, name: str) -> str | None:
        return self._to(f"-/{name}", f"-/{name}")

    def gallery(self, number: int = 1, **query: str | None) -> str | None:
        namespace = query.pop("namespace", None) or ""
        return _with_query(f"/{namespace}", {**query, "page": str(number) if number > 1 else None})

    def search(self) -> str | None:
        return self._to("", "search.html")

    def fleets(self) -> str | None:
        return self._to("-/fleets", None)

    def fleet(self, name: str) -> str | None:
        return self._to(f"-/fleets/{name}", None)

    def card(self, repo_id: RepoId) -> str | None:
        return self._to(f"{repo_id}", f"{repo_id}/index.html")

    def files(self, repo_id: RepoId, revision: str = "main", path: str = "") -> str | None:
        page = f"{repo_id}/tree/{revision}" + (f"/{path}" if path else "")
        return self._to(page, f"{repo_id}/files.html" if revision == "main" else None)

    def show(self, repo_id: RepoId, revision: str, path: str) -> str | None:
        return self._to(f"{repo_id}/blob/{revision}/{path}", None)

    def file(self, repo_id: RepoId, revision: str, path: str) -> str | None:
        return self._to(f"{repo_id}/resolve/{revision}/{path}", f"{repo_id}/files/{path}")

    def folder(self, repo_id: RepoId) -> str:
        return self._to(f"{repo_id}/resolve/main", f"{repo_id}/files") or ""

    def history(self, repo_id: RepoId, revision: str = "main") -> str | None:
        file = f"{repo_id}/history.html" if revision == "main" else None
        return self._to(f"{repo_id}/commits/{revision}", file)

    def commit(self, repo_id: RepoId, oid: str) -> str | None:
        return self._to(f"{repo_id}/commit/{oid}", f"{repo_id}/commit/{oid}.html")

    def run(self, repo_id: RepoId) -> str | None:
        return self._to(f"{repo_id}/run", f"{repo_id}/run.html")

    def share(self, repo_id: RepoId, key: str) -> str | None:
        return self._to(f"{repo_id}/share/{key}", f"{repo_id}/share/{key}.html")

    def share_picture(self, repo_id: RepoId, key: str) -> str | None:
        return self._to(f"{repo_id}/share/{key}.png", f"{repo_id}/share/{key}.png")

    def absolute(self, link: str | None) -> str | None:
        return None if link is None else f"{self.origin}{link}"

    def _to(self, page: str, file: str | None) -> str | None:
        """The address of a page, which in an exported site is a file, if it is there at all."""
        return f"/{quote(page)}"


@dataclass(frozen=True, slots=True)
class SiteLinks(Links):
    """Addresses relative to one file of an exported site, so that the site works anywhere.

    `origin` is the site's URL, if known, `here` that file's path in the site, `copied` the paths
    of each repository's exported files, and `shared` whether there are pages to share.
    """

    here: str
    copied: Mapping[RepoId, frozenset[str]]
    shared: bool

    def gallery(self, number: int = 1, **query: str | None) -> str | None:
        file = "search.html" if any(query.values()) else gallery_file(number)
        return _with_query(self._to("", file) or "", query)

    def show(self, repo_id: RepoId, revision: str, path: str) -> str | None:
        return self.file(repo_id, revision, path)

    def file(self, repo_id: RepoId, revision: str, path: str) -> str | None:
        is_copied = revision == "main" and path in self.copied.get(repo_id, ())
        return Links.file(self, repo_id, revision, path) if is_copied else None

    def share(self, repo_id: RepoId, key: str) -> str | None:
        return Links.share(self, repo_id, key) if self.shared else None

    def absolute(self, link: str | None) -> str | None:
        if self.origin is None or link is None:
            return None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(self.here), link))
        return f"{self.origin.rstrip('/')}/{path}"

    def _to(self, page: str, file: str | None) -> str | None:
        return None if file is None else "../" * self.here.count("/") + quote(file)


def gallery_file(number: int) -> str:
    """The file of page `number` of an exported gallery, from 1."""
    return "index.html" if number == 1 else f"-/page/{number}.html"


def _with_query(address: str, query: Mapping[str, str | None]) -> str:
    params = {key: value for key, value in query.items() if value}
    return f"{address}?{urlencode(params)}" if params else address
