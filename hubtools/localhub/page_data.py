"""The data of a model's pages: its card, files, history, training run and predictions."""

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
from hubtools.localhub.run_page import summarize_run
from hubtools.localhub.snapshot import PICTURE, Snapshot
from hubtools.localhub.store import README, Store
from hubtools.localhub.types import Commit, Entry, FileChange, Repo

COMMITS_PAGE = 50
_MAX_LABELS = 30
_TEXT_LIMIT = 1 << 20  # bytes of a file that is shown as text
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg")
_PROMPT = "My dream is"
_RUN_PICTURES = {
    "pipeline.png": "From the sources to the model",
    "training.png": "Loss and learning rate during training",
}
_FACTS = {
    "Task": "pipeline_tag",
    "Library": "library_name",
    "Language": "language",
    "Base model": "base_model",
    "License": "license",
}


@dataclass(frozen=True, slots=True)
class FileRow:
    """A row of a file list: a folder, or a file with its entry."""

    name: str
    path: str
    entry: Entry | None
    commit: Commit


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A file that a commit changed, its previous version, and the difference, if there is one."""

    change: FileChange
    old: Entry | None
    diff: Diff | None
    is_picture: bool


@dataclass(frozen=True, slots=True)
class RepoHead:
    """A repository at its head, which its pages are made of."""

    repo: Repo
    head: Commit
    entries: Mapping[str, Entry]


@dataclass(frozen=True, slots=True)
class Prompting:
    """Whether a server runs the model for visitors; else `reason` says why it does not."""

    reason: str | None


def read_head(snapshot: Snapshot, repo: Repo) -> RepoHead:
    """The repository with all files of its head."""
    head = snapshot.head(repo)
    return RepoHead(repo, head, {entry.path: entry for entry in snapshot.tree(repo, head)})


def card_page(
    store: Store,
    model: RepoHead,
    links: Links,
    *,
    remote: bool,
    prompting: Prompting | None = None,
) -> WebPage:
    """The README as the Hub would show it, with other hosts' pictures if `remote`."""
    repo, entries = model.repo, model.entries
    needs_card = prompting is not None or links.share(repo.id, "1") is not None
    card = share_links.card_of(store, repo, entries) if needs_card else Card(repo=repo.id.name)
    picture = links.file(repo.id, "main", PICTURE) if PICTURE in entries else None
    data = {
        "readme": _readme(store, model, links, remote=remote),
        "entries": entries,
        "total": sum(entry.size for entry in entries.values()),
        "facts": _facts(repo),
        "prompt": card.prompt or _widget_prompt(repo) or _PROMPT,
        "predictions": card_predictions(card),
        "prompting": prompting,
        "image": picture and links.absolute(picture),
        "address": links.absolute(links.card(repo.id)),
        "description": teaser(repo) or f"A language model: {repo.id}",
    }
    return _model_page("card.html.j2", model, "card", data, script=True)


def files_page(
    snapshot: Snapshot, model: RepoHead, revision: str, folder: str, *, flat: bool = False
) -> WebPage:
    """A folder's files, or all below it if `flat`. Raises EntryNotFoundError."""
    commit = snapshot.commit(model.repo, revision)
    rows = _rows(snapshot, model.repo, snapshot.tree(model.repo, commit), folder, flat=flat)
    if folder and not rows:
        raise EntryNotFoundError(folder, commit.oid)
    crumbs = [*_parents(folder), folder] if folder else []
    data = {"rows": rows, "crumbs": crumbs, "revision": revision, "commit": commit}
    return _model_page("files.html.j2", model, "files", data)


def file_page(
    store: Store, snapshot: Snapshot, model: RepoHead, revision: str, path: str
) -> WebPage:
    """One file, shown as text or as a picture if it is one. Raises EntryNotFoundError."""
    commit = snapshot.commit(model.repo, revision)
    entry = snapshot.entry(model.repo, commit, path)
    text = None if path.lower().endswith(_PICTURES) else _text(store, entry)
    data = {
        "entry": entry,
        "crumbs": _parents(path),
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
    """What a commit changed, line by line where it is text."""
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


def run_page(store: Store, model: RepoHead, links: Links) -> WebPage:
    """The training run that made the model. Raises EntryNotFoundError without a record of it."""
    entry = model.entries.get(RUN_RECORD)
    if entry is None:
        raise EntryNotFoundError(RUN_RECORD, model.head.oid)
    record = store.objects.path(entry.sha256).read_bytes()[:_TEXT_LIMIT]
    pictures = [
        (links.file(model.repo.id, "main", name), alt)
        for name, alt in _RUN_PICTURES.items()
        if name in model.entries
    ]
    data = {
        "run": summarize_run(record, model.entries),
        "pictures": [picture for picture in pictures if picture[0]],
    }
    return _model_page("run.html.j2", model, "run", data)


def share_page(
    model: RepoHead, links: Links, prediction: Prediction, key: str, *, count: int, can_draw: bool
) -> WebPage:
    """One prediction with its picture.

    `key` is its number among the card's `count` predictions, or carries the prediction.
    """
    page = links.share(model.repo.id, key)
    picture = links.share_picture(model.repo.id, key) if can_draw else None
    number = int(key) if key.isdecimal() and len(key) < 4 else None
    prompt = prediction.prompt if prediction.text.startswith(prediction.prompt) else ""
    data = {
        "prediction": prediction,
        "prompt": prompt,
        "continuation": prediction.text[len(prompt) :],
        "share_image": picture,
        "image": picture and links.absolute(picture),
        "address": page and links.absolute(page),
        "number": number,
        "count": count,
        "previous": links.share(model.repo.id, str(number - 1)) if number and number > 1 else None,
        "next": links.share(model.repo.id, str(number + 1)) if number and number < count else None,
    }
    return _model_page("share.html.j2", model, "share", data, script=True)


def card_predictions(card: Card) -> Sequence[Prediction]:
    """The card's predictions with invisible characters shown, each text on one line."""
    return [Prediction(prompt=visible(p.prompt), text=visible(p.text)) for p in card.predictions]


def _facts(repo: Repo) -> dict[str, list[str]]:
    """What the front matter says, for the list next to the card."""
    facts = {label: texts(repo.card.data.get(key)) for label, key in _FACTS.items()}
    return {label: values for label, values in facts.items() if values}


def _parents(path: str) -> list[str]:
    """The folders that a path is in, outermost first."""
    return [str(p) for p in reversed(PurePosixPath(path).parents) if str(p) != "."]


def _model_page(
    template: str, model: RepoHead, tab: str, data: Mapping[str, Any], *, script: bool = False
) -> WebPage:
    shared = {
        "repo": model.repo,
        "tab": tab,
        "labels": labels(model.repo)[:_MAX_LABELS],
        "has_run": RUN_RECORD in model.entries,
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
    """A file's text; None for one that is large or not UTF-8."""
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
