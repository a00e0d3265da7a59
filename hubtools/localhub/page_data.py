"""The pages of one model: its card, files, history, training run and predictions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
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
class Prompting:
    """Whether a server runs the model for visitors; else `reason` says why it does not."""

    reason: str | None


class ModelPages:
    """The pages of a repository, as a snapshot of the store has it."""

    def __init__(self, store: Store, snapshot: Snapshot, repo: Repo) -> None:
        self.repo = repo
        self._store, self._snapshot = store, snapshot
        self._head = snapshot.head(repo)
        self.entries: Mapping[str, Entry] = self._tree(self._head)

    @cached_property
    def card(self) -> Card:
        """The card in the README."""
        return share_links.card_of(self._store, self.repo, self.entries)

    @cached_property
    def predictions(self) -> Sequence[Prediction]:
        """The card's predictions with invisible characters shown, each text on one line."""
        predictions = self.card.predictions
        return [Prediction(prompt=visible(p.prompt), text=visible(p.text)) for p in predictions]

    def card_page(
        self, links: Links, *, remote: bool, prompting: Prompting | None = None
    ) -> WebPage:
        """The README as the Hub would show it, with other hosts' pictures if `remote`."""
        needs_card = prompting is not None or links.share(self.repo.id, "1") is not None
        card = self.card if needs_card else Card(repo=self.repo.id.name)
        picture = links.file(self.repo.id, "main", PICTURE) if PICTURE in self.entries else None
        facts = {label: texts(self.repo.card.data.get(key)) for label, key in _FACTS.items()}
        data = {
            "readme": self._readme(links, remote=remote),
            "entries": self.entries,
            "total": sum(entry.size for entry in self.entries.values()),
            "facts": {label: values for label, values in facts.items() if values},
            "prompt": card.prompt or _widget_prompt(self.repo) or _PROMPT,
            "predictions": self.predictions if needs_card else (),
            "prompting": prompting,
            "image": picture and links.absolute(picture),
            "address": links.absolute(links.card(self.repo.id)),
            "description": teaser(self.repo) or f"A language model: {self.repo.id}",
        }
        return self._page("card.html.j2", "card", data, script=True)

    def files_page(self, revision: str, folder: str, *, flat: bool = False) -> WebPage:
        """A folder's files, or all below it if `flat`. Raises EntryNotFoundError."""
        commit = self._snapshot.commit(self.repo, revision)
        rows = self._rows(self._tree(commit).values(), folder, flat=flat)
        if folder and not rows:
            raise EntryNotFoundError(folder, commit.oid)
        crumbs = [*_parents(folder), folder] if folder else []
        data = {"rows": rows, "crumbs": crumbs, "revision": revision, "commit": commit}
        return self._page("files.html.j2", "files", data)

    def file_page(self, revision: str, path: str) -> WebPage:
        """One file, shown as text or as a picture if it is one. Raises EntryNotFoundError."""
        commit = self._snapshot.commit(self.repo, revision)
        entry = self._snapshot.entry(self.repo, commit, path)
        is_picture = path.lower().endswith(_PICTURES)
        text = None if is_picture else self._text(entry)
        data = {
            "entry": entry,
            "crumbs": _parents(path),
            "revision": revision,
            "commit": commit,
            "lines": None if text is None else text.removesuffix("\n").split("\n"),
            "is_picture": is_picture,
        }
        return self._page("file.html.j2", "files", data)

    def history_page(self, revision: str, limit: int = COMMITS_PAGE) -> WebPage:
        """The commits up to a revision, newest first."""
        start = self._snapshot.commit(self.repo, revision)
        found = self._snapshot.commits(self.repo, start.seq, limit + 1)
        older = found[limit].oid if len(found) > limit else None
        return self._page("history.html.j2", "history", {"commits": found[:limit], "older": older})

    def commit_page(self, revision: str) -> WebPage:
        """What a commit changed, line by line where it is text."""
        commit = self._snapshot.commit(self.repo, revision)
        before: Mapping[str, Entry] = {}
        if commit.parent is not None:
            before = self._tree(self._snapshot.commit(self.repo, commit.parent))
        changes = [
            self._changed(change, before.get(change.path))
            for change in self._snapshot.changes(self.repo, commit)
        ]
        return self._page("commit.html.j2", "history", {"commit": commit, "changes": changes})

    def run_page(self, links: Links) -> WebPage:
        """The training run that made the model. Raises EntryNotFoundError without a record."""
        entry = self.entries.get(RUN_RECORD)
        if entry is None:
            raise EntryNotFoundError(RUN_RECORD, self._head.oid)
        pictures = [
            (links.file(self.repo.id, "main", name), alt)
            for name, alt in _RUN_PICTURES.items()
            if name in self.entries
        ]
        data = {
            "run": summarize_run(self._read(entry)[:_TEXT_LIMIT], self.entries),
            "pictures": [picture for picture in pictures if picture[0]],
        }
        return self._page("run.html.j2", "run", data)

    def share_page(
        self, links: Links, prediction: Prediction, key: str, *, can_draw: bool
    ) -> WebPage:
        """One prediction with its picture; `key` is its number on the card, or carries it."""
        page = links.share(self.repo.id, key)
        picture = links.share_picture(self.repo.id, key) if can_draw else None
        number, count = share_links.number_of(key), len(self.card.predictions)
        prompt = prediction.prompt if prediction.text.startswith(prediction.prompt) else ""

        def neighbor(other: int) -> str | None:
            return links.share(self.repo.id, str(other)) if 1 <= other <= count else None

        data = {
            "prediction": prediction,
            "prompt": prompt,
            "continuation": prediction.text[len(prompt) :],
            "share_image": picture,
            "image": picture and links.absolute(picture),
            "address": page and links.absolute(page),
            "number": number,
            "count": count,
            "previous": number and neighbor(number - 1),
            "next": number and neighbor(number + 1),
        }
        return self._page("share.html.j2", "share", data, script=True)

    def draw(self, prediction: Prediction) -> bytes:
        """The picture that shares a prediction, as a PNG."""
        return share_links.draw(self._store, self.card, self.entries, prediction)

    def _page(
        self, template: str, tab: str, data: Mapping[str, Any], *, script: bool = False
    ) -> WebPage:
        shared = {
            "repo": self.repo,
            "tab": tab,
            "labels": labels(self.repo)[:_MAX_LABELS],
            "has_run": RUN_RECORD in self.entries,
        }
        return WebPage(template, {**shared, **data}, script)

    def _tree(self, commit: Commit) -> dict[str, Entry]:
        return {entry.path: entry for entry in self._snapshot.tree(self.repo, commit)}

    def _readme(self, links: Links, *, remote: bool) -> RenderedReadme | None:
        entry = self.entries.get(README)
        if entry is None:
            return None
        readme = decode_readme(self._store.readme(entry.sha256))
        files = links.folder(self.repo.id)
        return render_card(readme, files, remote=remote, paths=self.entries.keys())

    def _rows(self, entries: Iterable[Entry], folder: str, *, flat: bool) -> list[FileRow]:
        start = f"{folder}/" if folder else ""
        inside = [entry for entry in entries if entry.path.startswith(start)]
        commits = self._snapshot.commits_by_seq(self.repo, {entry.added for entry in inside})
        folders: dict[str, FileRow] = {}
        files: list[FileRow] = []
        for entry in inside:
            rest = entry.path[len(start) :]
            name, slash, _ = (rest, "", "") if flat else rest.partition("/")
            last = commits[entry.added]
            if not slash:
                files.append(FileRow(name, entry.path, entry, last))
            elif name not in folders or folders[name].commit.seq < last.seq:
                folders[name] = FileRow(name, f"{start}{name}", None, last)
        return [*folders.values(), *files]

    def _changed(self, change: FileChange, old: Entry | None) -> ChangedFile:
        is_picture = change.path.lower().endswith(_PICTURES)
        versions = (old, change.entry)
        if is_picture or any(entry and entry.size > MAX_BYTES for entry in versions):
            return ChangedFile(change, old, None, is_picture)
        before, after = (b"" if entry is None else self._read(entry) for entry in versions)
        return ChangedFile(change, old, diff_texts(before, after), is_picture)

    def _text(self, entry: Entry) -> str | None:
        """A file's text; None for one that is large or not UTF-8."""
        if entry.size > _TEXT_LIMIT:
            return None
        try:
            text = self._read(entry).decode("utf-8")
        except UnicodeDecodeError:
            return None
        return None if "\0" in text else text

    def _read(self, entry: Entry) -> bytes:
        return self._store.objects.path(entry.sha256).read_bytes()


def _parents(path: str) -> list[str]:
    """The folders that a path is in, outermost first."""
    return [str(p) for p in reversed(PurePosixPath(path).parents) if str(p) != "."]


def _widget_prompt(repo: Repo) -> str | None:
    widget = repo.card.data.get("widget")
    first = widget[0] if isinstance(widget, list) and widget else None
    text = first.get("text") if isinstance(first, dict) else None
    return text[:200] if isinstance(text, str) else None
