"""A project of cards, a Hub behind a real server, and sessions between the two."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from hubtools.cards.card import Card, CardAccount
from hubtools.cards.card_file import card_toml, load_card
from hubtools.core.cancel import CancelToken
from hubtools.core.config import find_project
from hubtools.core.events import SILENT, Reporter
from hubtools.core.run_record import RUN_RECORD, sealed_record
from hubtools.core.state import StateFile
from hubtools.localhub.faults import Faults
from hubtools.localhub.store import Store
from hubtools.localhub.types import AddFile, Commit, NewCommit, Query, Repo, RepoId
from hubtools.services.apply import apply_cards
from hubtools.services.plan import plan_cards
from hubtools.services.session import HubSession
from hubtools.services.targets import card_renderer
from hubtools.sync.apply import ApplyResult
from hubtools.sync.client import HubClient
from hubtools.sync.pacing import Pacer
from hubtools.sync.plan import Change, Plan
from hubtools.sync.retry import RetryPolicy
from hubtools.sync.state import StateCache
from hubtools.sync.target import Target
from hubtools.sync.transport import hub_transport

QUICK = RetryPolicy(attempts=7, first=0.01, most=0.05, timeout=20)
"""As patient as by default, in less time."""


@dataclass(frozen=True, slots=True)
class Place:
    """A project's folder and a namespace of a served Hub."""

    root: Path
    store: Store
    url: str
    namespace: str
    faults: Faults

    def card(self, name: str, **said: Any) -> Path:
        """Write a card and its prose; one that is there is replaced."""
        return write_card(self.root, name, **said)

    def edit(self, name: str, **said: Any) -> None:
        """Change what a card says."""
        file = self.file(name)
        self.card(name, **{**_said(load_card(file)), **said})

    def file(self, name: str) -> Path:
        return self.root / "cards" / f"{name}.toml"

    @property
    def files(self) -> list[Path]:
        return sorted((self.root / "cards").glob("*.toml"))

    def repo_id(self, name: str) -> RepoId:
        return RepoId(self.namespace, name)

    def repo(self, name: str) -> Repo:
        with self.store.snapshot() as view:
            return view.repo(self.repo_id(name))

    def names(self) -> set[str]:
        """The repositories of the namespace."""
        with self.store.snapshot() as view:
            found = view.page(Query(namespace=self.namespace, limit=5000)).repos
        return {repo.id.name for repo in found}

    def history(self, name: str) -> list[Commit]:
        """The commits of a repository, newest first, without the one that it is born with."""
        with self.store.snapshot() as view:
            repo = view.repo(self.repo_id(name))
            return view.commits(repo, repo.seq, 1000)[:-1]

    def readme(self, name: str) -> str:
        return self.data(name)["README.md"].decode()

    def data(self, name: str) -> dict[str, bytes]:
        """Every file of a repository."""
        with self.store.snapshot() as view:
            repo = view.repo(self.repo_id(name))
            entries = view.tree(repo, view.commit(repo, "main"))
        return {e.path: self.store.objects.path(e.sha256).read_bytes() for e in entries}

    def put(self, name: str, *, create: bool = False, **files: str | bytes) -> Commit:
        """Somebody else's commit on the Hub; `README` stands for README.md."""
        if create:
            self.store.create(self.repo_id(name), author="rival")
        data = {
            f"{path}.md" if path == "README" else path.replace("__", "."): (
                text.encode() if isinstance(text, str) else text
            )
            for path, text in files.items()
        }
        return self.store.put(self.repo_id(name), data, author="rival", title="Rival's edit")

    @contextmanager
    def session(
        self,
        *,
        policy: RetryPolicy = QUICK,
        pacer: Pacer | None = None,
        private: bool = False,
        reporter: Reporter = SILENT,
        cancel: CancelToken | None = None,
    ) -> Iterator[HubSession]:
        found, target = find_project(self.root), Target("url", self.url)
        hub = replace(found.config.hub, private=private)
        project = replace(found, config=replace(found.config, hub=hub))
        api = HfApi(endpoint=self.url, token=False, library_name="hubtools")
        token = cancel or CancelToken()
        with (
            StateFile(project.root) as state,
            hub_transport(self.url, token, policy, pacer) as transport,
        ):
            yield HubSession(
                project=project,
                target=target,
                namespace=self.namespace,
                hub=HubClient(api, transport),
                cache=StateCache(state, str(target)),
                reporter=reporter,
                renderer=card_renderer(project, target, self.namespace),
            )

    def forget(self) -> None:
        """Remove the state file, as on another machine."""
        for file in (self.root / ".hubtools").glob("state.sqlite*"):
            file.unlink()

    def plan(self, *names: str) -> Plan:
        with self.session() as session:
            return plan_in(session, *names)

    def actions(self) -> dict[str, str]:
        """What would become of each model, by name."""
        return {change.name: change.action for change in self.plan().changes}

    def change(self, name: str) -> Change:
        """What would become of one model."""
        (change,) = (change for change in self.plan().changes if change.name == name)
        return change

    def apply(
        self,
        *,
        between: Callable[[], object] | None = None,
        policy: RetryPolicy = QUICK,
        pacer: Pacer | None = None,
        private: bool = False,
    ) -> ApplyResult:
        """Plan and apply, with something happening between the two."""
        with self.session(policy=policy, pacer=pacer, private=private) as session:
            plan = plan_in(session)
            if between is not None:
                between()
            return apply_in(session, plan)


def plan_in(session: HubSession, *names: str) -> Plan:
    files = sorted(session.project.cards_folder.glob("*.toml"))
    chosen = [file for file in files if not names or file.stem in names]
    return plan_cards(session, chosen, full=not names).plan


def apply_in(session: HubSession, plan: Plan) -> ApplyResult:
    return apply_cards(session, plan, sorted(session.project.cards_folder.glob("*.toml")))


def write_card(root: Path, name: str, **said: Any) -> Path:
    card = Card(
        **{
            "repo": name,
            "language": "en",
            "base_model": "openai-community/gpt2",
            "tags": ("huggingtweets",),
            "accounts": (CardAccount(handle=name, name=f"The {name}", network="x"),),
            **said,
        }
    )
    file = root / "cards" / f"{name}.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(card_toml(card), encoding="utf-8")
    prose = file.with_suffix(".md")
    if card.prose is not None:
        prose.write_text(card.prose + "\n", encoding="utf-8")
    else:
        prose.unlink(missing_ok=True)
    return file


def _said(card: Card) -> dict[str, Any]:
    return {name: getattr(card, name) for name in card.__slots__}


def write_model(root: Path, name: str, weights: bytes = b"weights" * 1000, **more: bytes) -> Path:
    """A complete model's folder as training leaves it; `more` by names with __ for the dot."""
    folder = root / "models" / name
    folder.mkdir(parents=True, exist_ok=True)
    files = {
        "model.safetensors": weights,
        "config.json": b'{"model_type": "gpt2"}',
        "predictions.png": b"\x89PNG picture of " + name.encode(),
        **{path.replace("__", "."): data for path, data in more.items()},
    }
    for path, data in files.items():
        (folder / path).write_bytes(data)
    seal(folder, files)
    return folder


def seal(folder: Path, files: Mapping[str, bytes]) -> None:
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
    (folder / RUN_RECORD).write_text(sealed_record({"key": "k", "files": digests}))


def rival(place: Place, name: str, **files: str) -> Callable[[str], object]:
    """For a fault's `Call`: somebody else commits just before a request is seen."""
    return lambda path: place.put(name, **files)


__all__ = [
    "QUICK",
    "AddFile",
    "NewCommit",
    "Place",
    "apply_in",
    "plan_in",
    "replace",
    "rival",
    "seal",
    "write_card",
    "write_model",
]
