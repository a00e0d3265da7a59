"""The pages as files: a site that any static host serves, that opens from a disk, that is a Space.

Every address in it is relative. Each model has a folder of its own, which is put in place whole;
`-/export.json` says which folders are ours and of which commit, so that a second export writes
what changed, takes away what is gone, and touches nothing else.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path

from jinja2 import Environment

from hubtools.core.errors import UsageError
from hubtools.core.events import Reporter
from hubtools.core.files import write_atomically, writing
from hubtools.core.results import Prediction
from hubtools.core.run_record import RUN_RECORD
from hubtools.core.template_root import template_root
from hubtools.localhub import page_data, share_links
from hubtools.localhub.gallery import Asked, gallery_page, page_count
from hubtools.localhub.links import SiteLinks, gallery_file
from hubtools.localhub.names import parse_repo_id
from hubtools.localhub.page_data import Model, read_model
from hubtools.localhub.rendering import ASSETS, Page, environment, labels, render
from hubtools.localhub.snapshot import PICTURE, View
from hubtools.localhub.store import Store
from hubtools.localhub.types import Query, Repo, RepoId

_MANIFEST = "-/export.json"
_TOP = frozenset({"index.html", "search.html", "readme.md"})
_COPIED = 2 << 20  # bytes of a file that is copied without being asked for
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
class ExportRequest:
    """What the site should be.

    `url` is where it will stand: previews elsewhere ask for whole addresses of pictures.
    """

    title: str = "Models"
    url: str | None = None
    pictures: bool = False
    """Draw a picture and write a page to share for every prediction of every card."""
    all_files: bool = False
    """Copy files over 2 MiB too, which are the weights."""
    remote_pictures: bool = False
    """Let cards load pictures from other hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """How many models the site has, how many of them were written now, and how many taken away."""

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
    templates: Environment
    request: ExportRequest
    copied: dict[RepoId, frozenset[str]]

    def links(self, here: str) -> SiteLinks:
        return SiteLinks(here, self.request.url, self.copied, self.request.pictures)


def export(store: Store, out: Path, request: ExportRequest, report: Reporter) -> Exported:
    """Write the public models of a store as a site into `out`.

    Raises UsageError for a folder that holds something else, OutputError when it cannot be written.
    """
    marks = _read_manifest(out)
    before = set(marks)
    site = _Site(out, store, _templates(request), request, {})
    with store.view(private=True) as view:
        total = view.count(Query())
    with writing(out), store.view(private=False) as view:
        repos = list(_all(view))
        current = {str(repo.id): _mark(repo, request) for repo in repos}
        marks |= {name: "" for name, mark in current.items() if marks.get(name) != mark}
        _write_manifest(out, marks)  # whose folders they are, should this be interrupted
        written = 0
        with report.task("Exporting", len(repos)) as bar:
            for done, repo in enumerate(repos, 1):
                name, model = str(repo.id), read_model(view, repo)
                site.copied[repo.id] = _copied(model, request)
                if marks[name] != current[name] or not (out / name).is_dir():
                    _put_model(site, view, model)
                    marks[name], written = current[name], written + 1
                    if written % _SAVED_EVERY == 0:
                        _write_manifest(out, marks)
                bar.advance(done)
        _write_gallery(site, view, len(repos))
        gone = before - current.keys()
        for name in gone:
            shutil.rmtree(out / name, ignore_errors=True)
    _write_manifest(out, current)
    return Exported(
        models=len(repos), written=written, removed=len(gone), left_out=total - len(repos)
    )


def _all(view: View) -> Iterator[Repo]:
    """Every repository, the last changed first. Raises UsageError for a name that is in the way."""
    after: str | None = None
    while True:
        page = view.page(Query(sort="lastModified", limit=_BATCH, after=after))
        for repo in page.repos:
            if repo.id.namespace.lower() in _TOP:
                raise UsageError(
                    f"the namespace {repo.id.namespace!r} has the name of one of the site's files",
                    fix="Move its models to another namespace",
                )
            yield repo
        if page.next is None:
            return
        after = page.next


def _put_model(site: _Site, view: View, model: Model) -> None:
    """Make the model's folder beside its place, then put it there."""
    place = site.root / str(model.repo.id)
    work = place.parent / f".{place.name}.part"
    shutil.rmtree(work, ignore_errors=True)
    for path, page in _pages(site, view, model):
        file = work / path
        file.parent.mkdir(parents=True, exist_ok=True)
        links = site.links(f"{model.repo.id}/{path}")
        file.write_text(render(site.templates, page(links), links, static=True), encoding="utf-8")
    for path in site.copied[model.repo.id]:
        file = work / "files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(site.store.objects.path(model.entries[path].sha256), file)
    if site.request.pictures:
        card = share_links.card_of(site.store, model.repo, model.entries)
        for number, prediction in enumerate(page_data.said(card), 1):
            png = share_links.draw(site.store, card, model.entries, prediction)
            (work / "share" / f"{number}.png").write_bytes(png)
    shutil.rmtree(place, ignore_errors=True)
    work.replace(place)


def _pages(
    site: _Site, view: View, model: Model
) -> Iterator[tuple[str, Callable[[SiteLinks], Page]]]:
    """The files of a model's pages in its folder, and what makes each with its own links."""
    store, remote = site.store, site.request.remote_pictures
    history = page_data.history_page(view, model, "main", limit=model.repo.seq)
    files = page_data.files_page(view, model, "main", "", flat=True)
    yield (
        "index.html",
        lambda links: page_data.card_page(store, model, links, remote=remote, box={}),
    )
    yield "files.html", lambda _: files
    yield "history.html", lambda _: history
    for commit in history.data["commits"]:
        page = page_data.commit_page(store, view, model, commit.oid)
        yield f"commit/{commit.oid}.html", partial(_always, page)
    if RUN_RECORD in model.entries:
        yield "run.html", lambda links: page_data.record_page(store, model, links)
    if site.request.pictures:
        said = page_data.said(share_links.card_of(store, model.repo, model.entries))
        for number, prediction in enumerate(said, 1):
            yield f"share/{number}.html", partial(_share, model, prediction, number, len(said))


def _always(page: Page, links: SiteLinks) -> Page:
    return page


def _share(model: Model, prediction: Prediction, number: int, count: int, links: SiteLinks) -> Page:
    key = str(number)
    return page_data.share_page(model, links, prediction, key, count=count, can_draw=True)


def _write_gallery(site: _Site, view: View, count: int) -> None:
    """The gallery's pages, the page that searches, and what all pages load."""
    for number in range(1, page_count(count) + 1):
        file = gallery_file(number)
        links = site.links(file)
        page = gallery_page(view, Asked(number=number), links)
        text = render(site.templates, page, links, static=True)
        write_atomically(site.root / file, text)
    for old in (site.root / "-/page").glob("*.html"):
        if old.stem.isdecimal() and int(old.stem) > page_count(count):
            old.unlink()
    search = Page("search.html.j2", {})
    text = render(site.templates, search, site.links("search.html"), static=True)
    write_atomically(site.root / "search.html", text)
    write_atomically(site.root / "-/models.js", _search_index(site, view))
    for name in (*ASSETS, "search.js"):
        write_atomically(site.root / "-" / name, (template_root() / "web" / name).read_bytes())
    write_atomically(site.root / "README.md", _space_readme(site.request.title))


def _search_index(site: _Site, view: View) -> str:
    """A script that holds every model, the last changed first; from a disk nothing else loads."""
    rows = []
    for repo in _all(view):
        own = labels(repo)[:_SEARCH_TAGS]
        derived = [tag for tag in repo.card.tags[:_SEARCH_TAGS] if tag not in own]
        times = (repo.modified[:10], repo.created[:19])
        picture = int(PICTURE in site.copied[repo.id])
        rows.append([repo.id.namespace, repo.id.name, *times, picture, own, derived])
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    return f"globalThis.models = {text};\n"


def _space_readme(title: str) -> str:
    """What makes the folder a static Space; JSON strings are YAML ones."""
    quoted = json.dumps(title, ensure_ascii=False)
    return (
        f"---\ntitle: {quoted}\nemoji: 💬\ncolorFrom: green\ncolorTo: gray\nsdk: static\n"
        "pinned: false\n---\n\nMade by `hubtools hub export`. The pages begin at index.html.\n"
    )


def _copied(model: Model, request: ExportRequest) -> frozenset[str]:
    return frozenset(
        path
        for path, entry in model.entries.items()
        if (request.all_files or entry.size <= _COPIED)
        and not path.lower().endswith(_ACTIVE)
        and all(len(part.encode()) <= _LONGEST_NAME for part in path.split("/"))
    )


def _templates(request: ExportRequest) -> Environment:
    templates = environment()
    policy = _POLICY.format(" https:" if request.remote_pictures else "")
    templates.globals |= {"policy": policy, "site": request.title}
    return templates


def _mark(repo: Repo, request: ExportRequest) -> str:
    """What a model's folder was made of: the same mark, the same files."""
    text = repr((repo.head, repo.key, repo.private, astuple(request), _look()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@cache
def _look() -> str:
    """A digest of the templates and the version."""
    digest = hashlib.sha256(version("hf-hubtools").encode())
    for file in sorted((template_root() / "web").iterdir()):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _read_manifest(out: Path) -> dict[str, str]:
    """The models of an earlier export, with their marks. Raises UsageError for a foreign folder."""
    try:
        found = json.loads((out / _MANIFEST).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        if out.exists() and (not out.is_dir() or any(p.name != ".git" for p in out.iterdir())):
            raise UsageError(
                "holds something that is no export", where=out, fix="Name a new or empty folder"
            ) from None
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(
            "cannot be read", where=out / _MANIFEST, fix="Delete the folder"
        ) from error
    return {str(parse_repo_id(name)): str(mark) for name, mark in dict(found).items()}


def _write_manifest(out: Path, marks: Mapping[str, str]) -> None:
    write_atomically(out / _MANIFEST, json.dumps(marks, indent=0, sort_keys=True) + "\n")
