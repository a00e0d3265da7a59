"""Exporting the pages as a static site, which opens from a disk and works as a static Space too.

Every address in it is relative. Each model's folder is put in place in one step. `-/export.json`
lists the folders that an export made and a fingerprint of each, so that the next export writes
what changed, removes what is gone, and touches nothing else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment

from hubtools.cards.frontmatter import dump_front_matter
from hubtools.core.cancel import CancelToken
from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically, writing
from hubtools.core.run_record import RUN_RECORD
from hubtools.core.template_root import template_root
from hubtools.localhub.gallery import GalleryQuery, gallery_page, page_count
from hubtools.localhub.links import SiteLinks, gallery_file
from hubtools.localhub.names import parse_repo_id
from hubtools.localhub.page_data import ModelPages
from hubtools.localhub.rendering import (
    ASSETS,
    WebPage,
    content_policy,
    labels,
    page_templates,
    render,
)
from hubtools.localhub.snapshot import PICTURE, Snapshot
from hubtools.localhub.store import Store
from hubtools.localhub.types import Entry, Query, Repo, RepoId

_TOP = frozenset({"index.html", "search.html", "readme.md"})
_COPIED = 2 << 20  # bytes of the largest file that is copied without `all_files`
# Files that a browser would run on the site's own origin; the server shows them as text.
_ACTIVE = (".html", ".htm", ".xhtml", ".xht", ".xml", ".svg", ".js", ".mjs")
_LONGEST_NAME = 255  # bytes of a part of a path
_ALL = 1 << 40  # models, more than any Hub has
_SAVED_EVERY = 500
_SEARCH_TAGS = 32
_MANIFEST = "-/export.json"


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
        return SiteLinks(self.options.url, here, self.copied, self.options.pictures)

    def html(self, file: str, page: WebPage) -> str:
        return render(self.templates, page, self.links(file), static=True)


def write_site(
    store: Store, out: Path, options: SiteOptions, reporter: Reporter, cancel: CancelToken
) -> ExportResult:
    """Write the public models of a store as a site into `out`.

    Raises UsageError for a folder that holds something else and for a namespace that has the name
    of one of the site's files, OutputError when it cannot be written, CancelledError once `cancel`
    is set; the next export then writes what is left.
    """
    before = _read_manifest(out)
    with store.snapshot(private=True) as snapshot:
        total = snapshot.count(Query())
    with writing(out), store.snapshot(private=False) as snapshot:
        templates = page_templates()
        policy = content_policy("script-src 'self'", remote=options.remote_pictures)
        templates.globals |= {"policy": policy, "site": options.title}
        site = _Site(out, store, snapshot, templates, options, {})
        repos = snapshot.page(Query(sort="lastModified", limit=_ALL)).repos
        if taken := [repo.id for repo in repos if repo.id.namespace.lower() in _TOP]:
            raise UsageError(
                f"the namespace {taken[0].namespace!r} collides with one of the site's files",
                fix="Move its models to another namespace",
            )
        current = {str(repo.id): _fingerprint(repo, options) for repo in repos}
        written = _write_models(site, repos, before, current, reporter, cancel)
        _write_gallery(site, repos)
        gone = before.keys() - current.keys()
        for name in gone:
            shutil.rmtree(out / name, ignore_errors=True)
    _write_manifest(out, current)
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
    _write_manifest(site.root, manifest)
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
                    _write_manifest(site.root, manifest)
            task.advance(done)
    return written


def _put_model(site: _Site, model: ModelPages) -> None:
    """Make the model's folder beside its place, then move it there."""
    place = site.root / str(model.repo.id)
    work = place.parent / f".{place.name}.part"
    shutil.rmtree(work, ignore_errors=True)

    def write(path: str, page: WebPage) -> None:
        file = work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(site.html(f"{model.repo.id}/{path}", page), encoding="utf-8")

    top = site.links(f"{model.repo.id}/index.html")
    remote = site.options.remote_pictures
    write("index.html", model.card_page(top, remote=remote))
    write("files.html", model.files_page("main", "", flat=True))
    history = model.history_page("main", limit=model.repo.seq)
    write("history.html", history)
    for commit in history.data["commits"]:
        write(f"commit/{commit.oid}.html", model.commit_page(commit.oid))
    if RUN_RECORD in model.entries:
        write("run.html", model.run_page(top))
    for number, prediction in enumerate(model.predictions if site.options.pictures else (), 1):
        path = f"share/{number}.html"
        links = site.links(f"{model.repo.id}/{path}")
        write(path, model.share_page(links, prediction, str(number), can_draw=True))
        (work / "share" / f"{number}.png").write_bytes(model.draw(prediction))
    for path in site.copied[model.repo.id]:
        file = work / "files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(site.store.objects.path(model.entries[path].sha256), file)
    shutil.rmtree(place, ignore_errors=True)
    work.replace(place)


def _write_gallery(site: _Site, repos: Sequence[Repo]) -> None:
    """The gallery's pages, the search page, and what all pages load."""
    pages = page_count(len(repos))
    for number in range(1, pages + 1):
        file = gallery_file(number)
        page = gallery_page(site.snapshot, GalleryQuery(number=number), site.links(file))
        write_atomically(site.root / file, site.html(file, page))
    for old in (site.root / "-/page").glob("*.html"):
        if old.stem.isdecimal() and int(old.stem) > pages:
            old.unlink()
    search = site.html("search.html", WebPage("search.html.j2", {}))
    write_atomically(site.root / "search.html", search)
    write_atomically(site.root / "-/models.js", _search_index(site, repos))
    for name in (*ASSETS, "search.js"):
        write_atomically(site.root / "-" / name, (template_root() / "web" / name).read_bytes())
    space = {"title": site.options.title, "emoji": "💬", "sdk": "static", "pinned": False}
    readme = dump_front_matter({**space, "colorFrom": "green", "colorTo": "gray"})
    readme += "\nMade by `hubtools hub export`. Start at index.html.\n"
    write_atomically(site.root / "README.md", readme)


def _search_index(site: _Site, repos: Sequence[Repo]) -> str:
    """A script that lists every model, the last updated first; from a disk, only scripts load."""
    rows = []
    for repo in repos:
        own = labels(repo)[:_SEARCH_TAGS]
        derived = [tag for tag in repo.card.tags[:_SEARCH_TAGS] if tag not in own]
        times = (repo.modified[:10], repo.created[:19])
        picture = int(PICTURE in site.copied[repo.id])
        rows.append([repo.id.namespace, repo.id.name, *times, picture, own, derived])
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return f"globalThis.models = {text};\n"


def _files_to_copy(entries: Mapping[str, Entry], options: SiteOptions) -> frozenset[str]:
    return frozenset(
        path
        for path, entry in entries.items()
        if (options.all_files or entry.size <= _COPIED)
        and not path.lower().endswith(_ACTIVE)
        and all(len(part.encode()) <= _LONGEST_NAME for part in path.split("/"))
    )


def _fingerprint(repo: Repo, options: SiteOptions) -> str:
    """A digest of all that a model's folder is made of."""
    text = repr((repo.head, repo.key, repo.private, astuple(options), _templates_digest()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _templates_digest() -> str:
    digest = hashlib.sha256(version("hf-hubtools").encode())
    for file in sorted((template_root() / "web").iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _read_manifest(out: Path) -> dict[str, str]:
    """The fingerprints of an earlier export, by model. Raises UsageError for another folder."""
    try:
        found = json.loads((out / _MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if out.exists() and (not out.is_dir() or any(p.name != ".git" for p in out.iterdir())):
            raise UsageError(
                "not an exported site", where=out, fix="Choose a new or empty folder"
            ) from None
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(
            "cannot be read", where=out / _MANIFEST, fix="Delete the folder and export again"
        ) from error
    return {str(parse_repo_id(name)): str(value) for name, value in dict(found).items()}


def _write_manifest(out: Path, fingerprints: Mapping[str, str]) -> None:
    write_atomically(out / _MANIFEST, json.dumps(fingerprints, indent=0, sort_keys=True) + "\n")
