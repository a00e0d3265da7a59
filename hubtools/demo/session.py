"""One visitor: a folder of their own, what they do in it, and its end.

The folder is a project like any other, with a card and a model in it. Nothing of it is kept.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.cards.card import Card
from hubtools.cards.card_file import load_card, save_card
from hubtools.cards.render import CardRenderer
from hubtools.core.config import ConsentConfig, Project
from hubtools.core.errors import UsageError
from hubtools.core.files import write_atomically
from hubtools.core.repo_names import check_repo_name
from hubtools.core.results import Prediction
from hubtools.core.run_record import renew_digest
from hubtools.demo.job import Work, clean_environment
from hubtools.demo.messages import Event, Failed, Job, Look, Looked, Publish, Train, Trained
from hubtools.demo.options import Settings
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.posts.registry import is_live
from hubtools.services.thumbnail import THUMBNAIL, subject_of, with_first
from hubtools.services.train import TrainRequest
from hubtools.sync.target import LOCAL_NAMESPACE

if TYPE_CHECKING:
    from hubtools.training.base import Base

_PREDICTING = threading.Lock()  # torch's seed is one for the process


class Visit:
    """What one visitor has done so far; all methods but `stop` and `close` are for one thread."""

    def __init__(self, folder: Path, downloads: Path, settings: Settings, project: Project) -> None:
        self.folder = folder
        self.settings = settings
        self._downloads = downloads / secrets.token_hex(16)
        self._project = _own_project(folder, project)
        self._work: Work | None = None
        self._request: TrainRequest | None = None
        self._stop = threading.Event()
        self.card_file: Path | None = None
        self.looked: Looked | None = None
        self._model: Model | None = None

    @property
    def card(self) -> Card:
        """The card of the model that was made."""
        assert self.card_file is not None
        return load_card(self.card_file)

    def take(self, uploads: Sequence[Path]) -> list[str]:
        """Copies of uploaded files in the visitor's own folder, by which jobs read them.

        Raises UsageError for one that is gone or too large.
        """
        own: list[str] = []
        most = self.settings.limits.megabytes
        for number, upload in enumerate(uploads, 1):
            place = self.folder / "uploads" / str(number) / upload.name
            if not upload.is_file():
                raise UsageError("is not there any more", where=upload.name, fix="Upload it again")
            if upload.stat().st_size > most * 1_000_000:
                raise UsageError(f"is larger than {most:,} MB", where=upload.name)
            shutil.rmtree(place.parent, ignore_errors=True)
            place.parent.mkdir(parents=True)
            shutil.copyfile(upload, place)
            own.append(str(place))
        return own

    def look(self, sources: Sequence[str]) -> Iterator[Event]:
        """Read these paths in the visitor's folder, and addresses; Looked is the end."""
        self.looked = self.card_file = self._model = None
        chosen = self.settings
        self._request = TrainRequest(
            project=self._project,
            sources=tuple(sources),
            base=chosen.base,
            prompt=chosen.prompt,
            seed=chosen.seed,
            recipe=chosen.recipe,
        )
        job = Look(
            str(self._project.root),
            self._project.config,
            request=self._request,
            kept=str(self._kept),
        )
        for event in self._do(job, chosen.limits.address_minutes):
            if isinstance(event, Looked):
                self.looked = event
            yield event

    def train(self, prompt: str, name: str) -> Iterator[Event]:
        """Make the model of what was looked at; Trained is the end.

        Raises UsageError for a name that no model can have.
        """
        assert self._request is not None
        if name.strip():
            check_repo_name(name.strip())
        self._request = replace(
            self._request, prompt=prompt.strip() or self.settings.prompt, name=name.strip() or None
        )
        job = Train(str(self._project.root), self._project.config, request=self._request)
        for event in self._do(job, self.settings.limits.minutes):
            if isinstance(event, Trained):
                self.card_file = Path(event.card)
                self._model = Model(Path(event.folder), self._kept)
            yield event

    def stop(self) -> None:
        """End what is going on after the step in progress; it can be gone on with."""
        self._stop.set()
        if self._work is not None:
            self._work.stop()

    def predict(self, prompt: str, count: int) -> Iterator[tuple[Prediction, bool]]:
        """Predictions as they are made, and whether each repeats a post of theirs.

        Raises UsageError for a prompt that leaves no room.
        """
        assert self._model is not None
        model = self._model
        seed = secrets.randbelow(2**31)
        self._stop.clear()
        for number in range(count):
            if self._stop.is_set():
                return
            with _PREDICTING:
                text = model.predict(prompt, seed + number)
            yield Prediction(prompt=prompt, text=text), model.repeats(text)

    def choose(self, prediction: Prediction) -> bytes:
        """Put `prediction` first on the card and on its picture; the picture."""
        assert self.card_file is not None and self._model is not None
        card = with_first(self.card, prediction)
        chosen = replace(card, prompt=prediction.prompt, predictions=card.predictions[:10])
        picture = draw_thumbnail(subject_of(chosen, prediction, self._model.folder))
        write_atomically(self._model.folder / THUMBNAIL, picture.png)
        renew_digest(self._model.folder / THUMBNAIL)
        save_card(chosen, self.card_file)
        return picture.png

    def picture(self) -> bytes:
        """The thumbnail as it now is."""
        assert self._model is not None
        return (self._model.folder / THUMBNAIL).read_bytes()

    def download(self) -> Path:
        """A zip of the model's folder and its card, laid out as a project.

        Unpacked anywhere, it can be prompted and published with the other commands.
        """
        assert self.card_file is not None and self._model is not None
        card, folder = self.card, self._model.folder
        project = self._project.config.project
        renderer = CardRenderer(LOCAL_NAMESPACE, None, project, self._project.templates_folder)
        write_atomically(folder / "README.md", renderer.render(card))
        shutil.rmtree(self._downloads, ignore_errors=True)
        self._downloads.mkdir(parents=True, mode=0o700)
        file = self._downloads / f"{card.repo}.zip"
        with zipfile.ZipFile(file, "w") as archive:
            archive.write(self.card_file, f"cards/{card.repo}.toml")
            for path in sorted(folder.iterdir()):
                archive.write(path, f"models/{card.repo}/{path.name}")
        return file

    def publish(self, to: str, namespace: str | None, token: str | None) -> Iterator[Event]:
        """Bring the model to a Hub; Published is the end.

        Raises UsageError for a namespace that nobody can have.
        """
        assert self.card_file is not None
        if namespace is not None:
            check_repo_name(namespace)
        if not self.settings.private and not token:
            yield Failed("Give an access token that may write, from your settings on the Hub.")
            return
        job = Publish(
            str(self._project.root),
            self._project.config,
            card=str(self.card_file),
            to=to,
            namespace=namespace,
            token=token,
        )
        yield from self._do(job, self.settings.limits.minutes)

    def close(self) -> None:
        """End what is going on, and delete everything."""
        self._stop.set()
        if self._work is not None:
            self._work.kill()
        self._model = None
        shutil.rmtree(self._downloads, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _kept(self) -> Path:
        return self.folder / "kept.jsonl"

    def _do(self, job: Job, minutes: float) -> Iterator[Event]:
        if self._work is not None:
            self._work.kill()  # one job at a time; one that has ended does not mind
        self._stop.clear()
        environ = clean_environment(self.folder / "cache", private=self.settings.private)
        self._work = Work(job, environ, self.folder / "errors.log", minutes)
        yield from self._work.events()


class Model:
    """A model in memory, and the posts that it must not repeat."""

    def __init__(self, folder: Path, kept: Path) -> None:
        from hubtools.training.memorization import TrainingIndex

        self.folder = folder
        lines = kept.read_text(encoding="utf-8").splitlines()
        self._index = TrainingIndex(json.loads(line) for line in lines)
        self._base: Base | None = None

    def predict(self, prompt: str, seed: int) -> str:
        """One prediction. Raises UsageError for a prompt that leaves no room."""
        from hubtools.training.extra import require_training

        require_training()
        from hubtools.training.base import load_base
        from hubtools.training.generate import Sampling, predict

        if self._base is None:
            self._base = load_base(str(self.folder))
        (text,) = predict(self._base, prompt, 1, seed, Sampling())
        return text

    def repeats(self, text: str) -> bool:
        """Whether a prediction is a post, or mostly a part of one, word for word."""
        return self._index.repeats(text)


def chosen_sources(files: Sequence[str], addresses: str, most: int) -> list[str]:
    """The addresses in `addresses`, one a line, with the files before them.

    Raises UsageError for none, for too many, and for what is no address: a path is never taken,
    since it would be one of this machine.
    """
    named = [line.strip() for line in addresses.replace(",", "\n").splitlines() if line.strip()]
    for address in named:
        if not is_live(address):
            raise UsageError(
                "is no address of an account",
                where=address[:100],
                fix="Write mastodon:user@server or bluesky:handle",
            )
    sources = [*files, *named]
    if not sources:
        raise UsageError("There is nothing to look at", fix="Choose a file or name an account")
    if len(sources) > most:
        raise UsageError(f"{len(sources)} accounts were named, and {most} are the most")
    return sources


def _own_project(folder: Path, project: Project) -> Project:
    """A project in `folder` with the settings, templates and deny list of `project`."""
    config, denied = project.config, project.config.consent.deny
    if denied is not None:
        consent = ConsentConfig(deny=os.fspath((project.root / denied).absolute()))
        config = replace(config, consent=consent)
    if project.templates_folder.is_dir() and (project.templates_folder / "card.md.j2").is_file():
        (folder / "templates").symlink_to(project.templates_folder.absolute())
    return Project(folder, replace(config, models="models"))
