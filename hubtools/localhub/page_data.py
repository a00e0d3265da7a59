"""What the pages of one model say: its card, files, history and run, and what it said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hubtools.cards.card import Card
from hubtools.cards.escape import visible
from hubtools.core.results import Prediction
from hubtools.core.run_record import RUN_RECORD
from hubtools.localhub import share_links
from hubtools.localhub.diffs import MAX_BYTES, Diff, diff_texts
from hubtools.localhub.errors import EntryNotFoundError
from hubtools.localhub.links import Links
from hubtools.localhub.markup import RenderedReadme, render_card
from hubtools.localhub.readme import decode_readme
from hubtools.localhub.rendering import WebPage, labels, teaser, texts
from hubtools.localhub.run_page import run_page
from hubtools.localhub.snapshot import PICTURE, Snapshot
from hubtools.localhub.store import README, Store
from hubtools.localhub.types import Commit, Entry, FileChange, Repo

COMMITS_PAGE = 50
_LABELS = 30
_TEXT_LIMIT = 1 << 20  # bytes of a file that is shown as text
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
_PROMPT = "My dream is"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A line of a list of files: a folder, or a file with its entry."""

    name: str
    path: str
    entry: Entry | None
    commit: Commit


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that a commit changed, its version before, and what can be shown of the change."""

    change: FileChange
    old: Entry | None
    diff: Diff | None
    is_picture: bool


@dataclass(frozen=True, slots=True)
class RepoHead:
    """A repository at its head: what its pages are made of."""

    repo: Repo
    head: Commit
    entries: Mapping[str, Entry]


def read_head(snapshot: Snapshot, repo: Repo) -> RepoHead:
    """The repository with all files of its head."""
    head = snapshot.commit(repo, "main")
    return RepoHead(repo, head, {entry.path: entry for entry in snapshot.tree(repo, head)})


def card_page(
    store: Store, model: RepoHead, links: Links, *, remote: bool, box: Mapping[str, Any]
) -> WebPage:
    """The README as the Hub would show it, with pictures of other hosts if they may be `remote`.

    `box` says whether the model can be prompted: `reason` is None when it can. It is empty where
    no server is.
    """
    repo, entries = model.repo, model.entries
    is_asked = bool(box) or links.share(repo.id, "1") is not None
    card = share_links.card_of(store, repo, entries) if is_asked else Card(repo=repo.id.name)
    picture = links.file(repo.id, "main", PICTURE) if PICTURE in entries else None
    data = {
        "readme": _readme(store, model, links, remote=remote),
        "remote": remote,
        "entries": entries,
        "total": sum(entry.size for entry in entries.values()),
        "facts": facts(repo),
        "prompt": card.prompt or _widget_prompt(repo) or _PROMPT,
        "said": said(card),
        "box": box,
        "image": picture and links.absolute(picture),
        "address": links.absolute(links.card(repo.id)),
        "description": teaser(repo) or f"A language model: {repo.id}",
    }
    return _model_page("card.html.j2", model, "card", data, script=True)


def files_page(
    snapshot: Snapshot, model: RepoHead, revision: str, folder: str, *, flat: bool = False
) -> WebPage:
    """A folder's files; `flat` for all files at once. Raises EntryNotFoundError."""
    commit = snapshot.commit(model.repo, revision)
    rows = _rows(snapshot, model.repo, snapshot.tree(model.repo, commit), folder, flat=flat)
    if folder and not rows:
        raise EntryNotFoundError(folder, commit.oid)
    parents = [str(p) for p in reversed(PurePosixPath(folder).parents) if str(p) != "."]
    crumbs = [*parents, folder] if folder else []
    data = {"rows": rows, "crumbs": crumbs, "revision": revision, "commit": commit}
    return _model_page("files.html.j2", model, "files", data)


def file_page(
    store: Store, snapshot: Snapshot, model: RepoHead, revision: str, path: str
) -> WebPage:
    """One file: its text, its picture, or that it is neither. Raises EntryNotFoundError."""
    commit = snapshot.commit(model.repo, revision)
    entry = snapshot.entry(model.repo, commit, path)
    text = None if path.lower().endswith(_PICTURES) else _text(store, entry)
    parents = [str(p) for p in reversed(PurePosixPath(path).parents) if str(p) != "."]
    data = {
        "entry": entry,
        "crumbs": parents,
        "revision": revision,
        "commit": commit,
        "lines": None if text is None else text.removesuffix("\n").split("\n"),
        "is_picture": path.lower().endswith(_PICTURES),
    }
    return _model_page("file.html.j2", model, "files", data)


def history_page(
    snapshot: Snapshot, model: RepoHead, revision: str, limit: int = COMMITS_PAGE
) -> WebPage:
    """The commits up to a revision, newest first."""
    start = snapshot.commit(model.repo, revision)
    found = snapshot.commits(model.repo, start.seq, limit + 1)
    older = found[limit].oid if len(found) > limit else None
    data = {"commits": found[:limit], "older": older}
    return _model_page("history.html.j2", model, "history", data)


def commit_page(store: Store, snapshot: Snapshot, model: RepoHead, revision: str) -> WebPage:
    """What one commit changed, line by line where it is text."""
    commit = snapshot.commit(model.repo, revision)
    before: dict[str, Entry] = {}
    if commit.parent is not None:
        parent = snapshot.commit(model.repo, commit.parent)
        before = {entry.path: entry for entry in snapshot.tree(model.repo, parent)}
    changes = [
        _changed(store, change, before.get(change.path))
        for change in snapshot.changes(model.repo, commit)
    ]
    data = {"commit": commit, "changes": changes}
    return _model_page("commit.html.j2", model, "history", data)


def record_page(store: Store, model: RepoHead, links: Links) -> WebPage:
    """The record of the run that made the model. Raises EntryNotFoundError without one."""
    entry = model.entries.get(RUN_RECORD)
    if entry is None:
        raise EntryNotFoundError(RUN_RECORD, model.head.oid)
    data = store.objects.path(entry.sha256).read_bytes()[:_TEXT_LIMIT]
    pictures = {
        "pipeline.png": "The way from the sources to the model",
        "training.png": "Loss and learning rate while it was trained",
    }
    shown = [
        (links.file(model.repo.id, "main", name), alt)
        for name, alt in pictures.items()
        if name in model.entries
    ]
    content = {"record": run_page(data, model.entries), "pictures": [p for p in shown if p[0]]}
    return _model_page("run.html.j2", model, "run", content)


def share_page(
    model: RepoHead, links: Links, prediction: Prediction, key: str, *, count: int, can_draw: bool
) -> WebPage:
    """One prediction with its picture; `key` is its number among the card's `count`, or signed."""
    page = links.share(model.repo.id, key)
    picture = links.share_picture(model.repo.id, key) if can_draw else None
    number = int(key) if key.isdecimal() and len(key) < 4 else None
    start = prediction.prompt if prediction.text.startswith(prediction.prompt) else ""
    data = {
        "prediction": prediction,
        "start": start,
        "rest": prediction.text[len(start) :],
        "share_image": picture,
        "image": picture and links.absolute(picture),
        "address": page and links.absolute(page),
        "number": number,
        "count": count,
        "before": links.share(model.repo.id, str(number - 1)) if number and number > 1 else None,
        "after": links.share(model.repo.id, str(number + 1)) if number and number < count else None,
    }
    return _model_page("share.html.j2", model, "share", data, script=True)


def said(card: Card) -> Sequence[Prediction]:
    """The card's predictions as a reader can see them, each text in one line."""
    return [Prediction(prompt=visible(p.prompt), text=visible(p.text)) for p in card.predictions]


def facts(repo: Repo) -> dict[str, list[str]]:
    """What the front matter says, for the list beside the card."""
    names = {
        "Task": "pipeline_tag",
        "Library": "library_name",
        "Language": "language",
        "Base model": "base_model",
        "Licence": "license",
    }
    found = {label: texts(repo.card.data.get(key)) for label, key in names.items()}
    return {label: values for label, values in found.items() if values}


def _model_page(
    template: str, model: RepoHead, tab: str, data: Mapping[str, Any], *, script: bool = False
) -> WebPage:
    shared = {
        "repo": model.repo,
        "tab": tab,
        "labels": labels(model.repo)[:_LABELS],
        "has_record": RUN_RECORD in model.entries,
    }
    return WebPage(template, {**shared, **data}, script)


def _readme(store: Store, model: RepoHead, links: Links, *, remote: bool) -> RenderedReadme | None:
    entry = model.entries.get(README)
    if entry is None:
        return None
    readme = decode_readme(store.readme(entry.sha256))
    return render_card(
        readme, links.folder(model.repo.id), remote=remote, paths=model.entries.keys()
    )


def _rows(
    snapshot: Snapshot, repo: Repo, entries: Sequence[Entry], folder: str, *, flat: bool
) -> list[FileRow]:
    start = f"{folder}/" if folder else ""
    inside = [entry for entry in entries if entry.path.startswith(start)]
    commits = snapshot.commits_by_seq(repo, {entry.added for entry in inside})
    folders: dict[str, FileRow] = {}
    plain: list[FileRow] = []
    for entry in inside:
        rest = entry.path[len(start) :]
        name, slash, _ = (rest, "", "") if flat else rest.partition("/")
        last = commits[entry.added]
        if not slash:
            plain.append(FileRow(name, entry.path, entry, last))
        elif name not in folders or folders[name].commit.seq < last.seq:
            folders[name] = FileRow(name, f"{start}{name}", None, last)
    return [*folders.values(), *plain]


def _changed(store: Store, change: FileChange, old: Entry | None) -> ChangedFile:
    is_picture = change.path.lower().endswith(_PICTURES)
    versions = [entry for entry in (old, change.entry) if entry is not None]
    if is_picture or any(entry.size > MAX_BYTES for entry in versions):
        return ChangedFile(change, old, None, is_picture)
    before, after = (
        b"" if entry is None else store.objects.path(entry.sha256).read_bytes()
        for entry in (old, change.entry)
    )
    return ChangedFile(change, old, diff_texts(before, after), is_picture)


def _text(store: Store, entry: Entry) -> str | None:
    """A file's text in UTF-8; None for one that is large or no text."""
    if entry.size > _TEXT_LIMIT:
        return None
    try:
        text = store.objects.path(entry.sha256).read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _widget_prompt(repo: Repo) -> str | None:
    widget = repo.card.data.get("widget")
    first = widget[0] if isinstance(widget, list) and widget else None
    text = first.get("text") if isinstance(first, dict) else None
    return text[:200] if isinstance(text, str) else None
