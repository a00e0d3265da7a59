"""Exporting the pages of a local Hub as a static site."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.localhub.export import ExportResult, SiteOptions, write_site
from hubtools.localhub.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """Which Hub to export, and where to."""

    hub: Path
    """The folder of the local Hub."""
    out: Path
    site: SiteOptions = field(default_factory=SiteOptions)


def export(request: ExportRequest, reporter: Reporter, cancel: CancelToken) -> ExportResult:
    """Write the public models of a local Hub as a static site.

    Run again, it writes only what changed and removes what is gone. Raises UsageError for a folder
    that is not a Hub, a URL that is not one, and an `out` that holds something else; OutputError
    when it cannot be written; CancelledError once `cancel` is set, and the next run resumes.
    """
    if not (request.hub / "hub.sqlite3").is_file():
        raise UsageError("not a local Hub", where=request.hub, fix="Name its folder with --hub")
    url = request.site.url
    if url is not None and not url.startswith(("https://", "http://")):
        raise UsageError("not a web address", where=url, fix="Use --url https://…")
    with closing(Store(request.hub)) as store:
        return write_site(store, request.out, request.site, reporter, cancel)
