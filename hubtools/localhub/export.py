"""Exporting the pages as a static site, which opens from a disk and works as a static Space too.

Every address in it is relative. Each model's folder is put in place in one step. `-/export.json`
lists the folders that an export made and a fingerprint of each, so that the next export writes
what changed, removes what is gone, and touches nothing else.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from jinja2 import Environment

from hubtools.core.cancel import CancelToken
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically, writing
from hubtools.core.run_record import RUN_RECORD
from hubtools.core.template_root import template_root
from hubtools.localhub.export_manifest import fingerprint, read_manifest, write_manifest
from hubtools.localhub.gallery import GalleryQuery, gallery_page, page_count
from hubtools.localhub.links import SiteLinks, gallery_file
from hubtools.localhub.page_data import ModelPages
from hubtools.localhub.rendering import ASSETS, WebPage, labels, page_templates, render
from hubtools.localhub.snapshot import PICTURE, Snapshot
from hubtools.localhub.store import Store
from hubtools.localhub.types import Entry, Query, Repo, RepoId

_TOP = frozenset({"index.html", "search.html", "readme.md"})
_COPIED = 2 << 20  # bytes of the largest file that is copied without `all_files`
# Files that a browser would run on the site's own origin; the server shows them as text.
_ACTIVE = (".html", ".htm", ".xhtml", ".xht", ".xml", ".svg", ".js", ".mjs")
_LONGEST_NAME = 255  # bytes of a part of a path
_BATCH = 1000
_SAVED_EVERY = 500
_SEARCH_TAGS = 32
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "img-src 'self'{}; form-action 'self'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOptions:
    """What an exported site contains."""

    title: str = "Models"
    url: str | None = None
    """Where the site will be hosted: link previews need absolute addresses of pictures."""
    pictures: bool = False
    """Draw a picture and write a page to share for every prediction of every card."""
    all_files: bool = False
    """Copy files over 2 MiB too, which are the weights."""
    remote_pictures: bool = False
    """Let cards load pictures from other hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportResult:
    """How many models the site has, and how many this export wrote and removed."""

    models: int
    written: int
    removed: int
    left_out: int
    """Private models."""


@dataclass(frozen=True, slots=True)
class _Site:
    """What all files of one export share."""

    root: Path
    store: Store
    snapshot: Snapshot
    templates: Environment
    options: SiteOptions
    copied: dict[RepoId, frozenset[str]]

    def links(self, here: str) -> SiteLinks:
        return SiteLinks(here, self.options.url, self.copied, self.options.pictures)

    def write(self, file: str, page: WebPage) -> None:
        text = render(self.templates, page, self.links(file), static=True)
        write_atomically(self.root / file, text)


def write_site(
    store: Store, out: Path, options: SiteOptions, reporter: Reporter, cancel: CancelToken
) -> ExportResult:
    """Write the public models of a store as a site into `out`.

    Raises UsageError for a folder that holds something else, OutputError when it cannot be
    written, CancelledError once `cancel` is set; the next export then writes what is left.
    """
    before = read_manifest(out)
    with store.snapshot(private=True) as snapshot:
        total = snapshot.count(Query())
    with writing(out), store.snapshot(private=False) as snapshot:
        site = _Site(out, store, snapshot, _templates(options), options, {})
        repos = list(_all(snapshot))
        current = {str(repo.id): fingerprint(repo, *astuple(options)) for repo in repos}
        written = _write_models(site, repos, before, current, reporter, cancel)
        _write_gallery(site, len(repos))
        gone = before.keys() - current.keys()
        for name in gone:
            shutil.rmtree(out / name, ignore_errors=True)
    write_manifest(out, current)
    return ExportResult(
        models=len(repos), written=written, removed=len(gone), left_out=total - len(repos)
    )


def _write_models(
    site: _Site,
    repos: Sequence[Repo],
    before: Mapping[str, str],
    current: Mapping[str, str],
    reporter: Reporter,
    cancel: CancelToken,
) -> int:
    """Write the folders of new and changed models; returns how many they were.

    The manifest names a folder before it is made, so an interrupted export leaves none behind.
    """
    manifest = {**before, **{n: "" for n, mark in current.items() if before.get(n) != mark}}
    write_manifest(site.root, manifest)
    written = 0
    with reporter.task("Exporting", len(repos)) as task:
        for done, repo in enumerate(repos, 1):
            cancel.raise_if_cancelled()
            name, pages = str(repo.id), ModelPages(site.store, site.snapshot, repo)
            site.copied[repo.id] = _files_to_copy(pages.entries, site.options)
            if manifest[name] != current[name] or not (site.root / name).is_dir():
                _put_model(site, pages)
                manifest[name], written = current[name], written + 1
                if written % _SAVED_EVERY == 0:
                    write_manifest(site.root, manifest)
            task.advance(done)
    return written


def _all(snapshot: Snapshot) -> Iterator[Repo]:
    """Every repository, the last updated first.

    Raises UsageError for a namespace that has the name of one of the site's files.
    """
    after: str | None = None
    while True:
        page = snapshot.page(Query(sort="lastModified", limit=_BATCH, after=after))
        for repo in page.repos:
            if repo.id.namespace.lower() in _TOP:
                raise UsageError(
                    f"the namespace {repo.id.namespace!r} collides with one of the site's files",
                    fix="Move its models to another namespace",
                )
            yield repo
        if page.next is None:
            return
        after = page.next


def _put_model(site: _Site, model: ModelPages) -> None:
    """Make the model's folder beside its place, then move it there."""
    place = site.root / str(model.repo.id)
    work = place.parent / f".{place.name}.part"
    shutil.rmtree(work, ignore_errors=True)

    def links(path: str) -> SiteLinks:
        return site.links(f"{model.repo.id}/{path}")

    def write(path: str, page: WebPage) -> None:
        file = work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = render(site.templates, page, links(path), static=True)
        file.write_text(text, encoding="utf-8")

    remote = site.options.remote_pictures
    write("index.html", model.card_page(links("index.html"), remote=remote))
    write("files.html", model.files_page("main", "", flat=True))
    history = model.history_page("main", limit=model.repo.seq)
    write("history.html", history)
    for commit in history.data["commits"]:
        write(f"commit/{commit.oid}.html", model.commit_page(commit.oid))
    if RUN_RECORD in model.entries:
        write("run.html", model.run_page(links("run.html")))
    for number, prediction in enumerate(model.predictions if site.options.pictures else (), 1):
        path = f"share/{number}.html"
        write(path, model.share_page(links(path), prediction, str(number), can_draw=True))
        (work / "share" / f"{number}.png").write_bytes(model.draw(prediction))
    for path in site.copied[model.repo.id]:
        file = work / "files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(site.store.objects.path(model.entries[path].sha256), file)
    shutil.rmtree(place, ignore_errors=True)
    work.replace(place)


def _write_gallery(site: _Site, count: int) -> None:
    """The gallery's pages, the search page, and what all pages load."""
    pages = page_count(count)
    for number in range(1, pages + 1):
        file = gallery_file(number)
        site.write(file, gallery_page(site.snapshot, GalleryQuery(number=number), site.links(file)))
    for old in (site.root / "-/page").glob("*.html"):
        if old.stem.isdecimal() and int(old.stem) > pages:
            old.unlink()
    site.write("search.html", WebPage("search.html.j2", {}))
    write_atomically(site.root / "-/models.js", _search_index(site))
    for name in (*ASSETS, "search.js"):
        write_atomically(site.root / "-" / name, (template_root() / "web" / name).read_bytes())
    write_atomically(site.root / "README.md", _space_readme(site.options.title))


def _search_index(site: _Site) -> str:
    """A script that lists every model, the last updated first; from a disk, only scripts load."""
    rows = []
    for repo in _all(site.snapshot):
        own = labels(repo)[:_SEARCH_TAGS]
        derived = [tag for tag in repo.card.tags[:_SEARCH_TAGS] if tag not in own]
        times = (repo.modified[:10], repo.created[:19])
        picture = int(PICTURE in site.copied[repo.id])
        rows.append([repo.id.namespace, repo.id.name, *times, picture, own, derived])
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return f"globalThis.models = {text};\n"


def _space_readme(title: str) -> str:
    """The README that makes the folder a static Space; a JSON string is a YAML string."""
    quoted = json.dumps(title, ensure_ascii=False)
    return (
        f"---\ntitle: {quoted}\nemoji: 💬\ncolorFrom: green\ncolorTo: gray\nsdk: static\n"
        "pinned: false\n---\n\nMade by `hubtools hub export`. Start at index.html.\n"
    )


def _files_to_copy(entries: Mapping[str, Entry], options: SiteOptions) -> frozenset[str]:
    return frozenset(
        path
        for path, entry in entries.items()
        if (options.all_files or entry.size <= _COPIED)
        and not path.lower().endswith(_ACTIVE)
        and all(len(part.encode()) <= _LONGEST_NAME for part in path.split("/"))
    )


def _templates(options: SiteOptions) -> Environment:
    templates = page_templates()
    policy = _POLICY.format(" https:" if options.remote_pictures else "")
    templates.globals |= {"policy": policy, "site": options.title}
    return templates
