"""One visitor: a folder of their own, what they do in it, and its end.

The folder is a project like any other, with a card and a model in it. Nothing in it is kept.
"""

from __future__ import annotations

import os
import secrets
import shutil
import threading
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hubtools.cards.card import Card
from hubtools.cards.card_file import load_card, save_card
from hubtools.core.cancel import CancelToken
from hubtools.core.config import ConsentConfig, Project
from hubtools.core.errors import AccessError, UsageError
from hubtools.core.events import SILENT
from hubtools.core.files import write_atomically
from hubtools.core.repo_names import check_repo_name
from hubtools.core.results import Prediction
from hubtools.demo.job import JobProcess, job_environment
from hubtools.demo.messages import (
    DemoEvent,
    DemoJob,
    JobFailed,
    ModelTrained,
    PostsRead,
    PublishModel,
)
from hubtools.demo.options import DemoOptions
from hubtools.posts.registry import is_live
from hubtools.services.predict import LoadedModel, PredictRequest, load_model, predict
from hubtools.services.read import ReadRequest
from hubtools.services.targets import card_renderer
from hubtools.services.thumbnail import THUMBNAIL, ThumbnailRequest, with_first
from hubtools.services.thumbnail import thumbnail as draw_thumbnail
from hubtools.services.train import TrainRequest
from hubtools.sync.target import LOCAL_NAMESPACE, Target
from hubtools.training.memorization import TrainingIndex

_PREDICTING = threading.Lock()  # torch has one seed per process


class DemoSession:
    """What one visitor has done so far; all methods but `stop` and `close` are for one thread."""

    def __init__(
        self, folder: Path, downloads: Path, options: DemoOptions, project: Project
    ) -> None:
        self.folder = folder
        self.options = options
        self.posts: PostsRead | None = None
        self.card_file: Path | None = None
        self._downloads = downloads / secrets.token_hex(16)
        self._project = _own_project(folder, project)
        self._sources: tuple[str, ...] = ()
        self._job: JobProcess | None = None
        self._stopped = threading.Event()
        self._model: LoadedModel | None = None
        self._index: TrainingIndex | None = None

    @property
    def card(self) -> Card:
        assert self.card_file is not None
        return load_card(self.card_file)

    def take_uploads(self, uploads: Sequence[Path]) -> list[str]:
        """Copy uploaded files to the visitor's own folder, where jobs read them; their paths.

        Raises UsageError for a file that is gone or too large.
        """
        own: list[str] = []
        most = self.options.limits.max_upload_mb
        for number, upload in enumerate(uploads, 1):
            place = self.folder / "uploads" / str(number) / upload.name
            if not upload.is_file():
                raise UsageError("the upload is gone", where=upload.name, fix="Upload it again")
            if upload.stat().st_size > most * 1_000_000:
                raise UsageError(f"larger than {most:,} MB", where=upload.name)
            shutil.rmtree(place.parent, ignore_errors=True)
            place.parent.mkdir(parents=True)
            shutil.copyfile(upload, place)
            own.append(str(place))
        return own

    def read(self, sources: Sequence[str]) -> Iterator[DemoEvent]:
        """Read paths in the visitor's folder, and addresses; PostsRead is the end."""
        self.posts = self.card_file = self._model = self._index = None
        self._sources = tuple(sources)
        job = ReadRequest(project=self._project, sources=self._sources)
        for event in self._run(job, self.options.limits.max_read_minutes):
            if isinstance(event, PostsRead):
                self.posts = event
            yield event

    def train(self, prompt: str, name: str) -> Iterator[DemoEvent]:
        """Train a model of the posts that were read; ModelTrained is the end.

        Raises UsageError for a name that no model can have.
        """
        if name.strip():
            check_repo_name(name.strip())
        job = TrainRequest(
            project=self._project,
            sources=self._sources,
            base=self.options.base,
            recipe=self.options.recipe,
            seed=self.options.seed,
            prompt=prompt.strip() or self.options.prompt,
            name=name.strip() or None,
        )
        for event in self._run(job, self.options.limits.max_train_minutes):
            if isinstance(event, ModelTrained):
                assert self.posts is not None
                self.card_file = self._project.cards_folder / f"{event.name}.toml"
                self._model, self._index = None, TrainingIndex(self.posts.kept)
            yield event

    def stop(self) -> None:
        """Stop what is going on after the step in progress; the same job resumes from there."""
        self._stopped.set()
        if self._job is not None:
            self._job.stop()

    def predict(self, prompt: str, count: int) -> Iterator[tuple[Prediction, bool]]:
        """Predictions as they are made, and whether each repeats a post of the visitor.

        Raises UsageError for a prompt that is too long.
        """
        index = self._index  # closing the session forgets it
        assert index is not None
        self._stopped.clear()
        for _ in range(count):
            if self._stopped.is_set():
                return
            with _PREDICTING:
                text = self._predict(prompt)
            yield Prediction(prompt=prompt, text=text), index.repeats(text)

    def _predict(self, prompt: str) -> str:
        request = PredictRequest(model=str(self._model_folder), prompt=prompt, n=1)
        self._model = self._model or load_model(request.model)
        (text,) = predict(request, SILENT, CancelToken(), self._model).predictions
        return text

    def choose(self, prediction: Prediction) -> bytes:
        """Put `prediction` first on the card and on its thumbnail; the thumbnail, a PNG."""
        assert self.card_file is not None
        card = with_first(self.card, prediction)
        chosen = replace(card, prompt=prediction.prompt, predictions=card.predictions[:10])
        save_card(chosen, self.card_file)
        request = ThumbnailRequest(project=self._project, names=(card.repo,), offline=True)
        error = draw_thumbnail(request, SILENT, CancelToken()).error()
        if error is not None:
            raise error
        return self.thumbnail()

    def thumbnail(self) -> bytes:
        """The thumbnail as it is now, a PNG."""
        return (self._model_folder / THUMBNAIL).read_bytes()

    def download(self) -> Path:
        """A zip of the model's folder and its card, laid out as a project.

        Unpacked anywhere, the other commands prompt and publish it.
        """
        assert self.card_file is not None
        card, folder = self.card, self._model_folder
        renderer = card_renderer(self._project, Target("local", ""), LOCAL_NAMESPACE)
        write_atomically(folder / "README.md", renderer.render(card))
        shutil.rmtree(self._downloads, ignore_errors=True)
        self._downloads.mkdir(parents=True, mode=0o700)
        file = self._downloads / f"{card.repo}.zip"
        with zipfile.ZipFile(file, "w") as archive:
            archive.write(self.card_file, f"cards/{card.repo}.toml")
            for path in sorted(folder.iterdir()):
                archive.write(path, f"models/{card.repo}/{path.name}")
        return file

    def publish(self, to: str, namespace: str | None, token: str | None) -> Iterator[DemoEvent]:
        """Publish the model; ModelPublished is the end.

        Raises UsageError for a namespace that no Hub accepts.
        """
        if namespace is not None:
            check_repo_name(namespace)
        if not self.options.private and not token:
            message = "Enter an access token with write permission."
            yield JobFailed(message, AccessError.exit_code)
            return
        job = PublishModel(
            project=self._project, name=self.card.repo, to=to, namespace=namespace, token=token
        )
        yield from self._run(job, self.options.limits.max_train_minutes)

    def close(self) -> None:
        """End what is going on, and delete everything."""
        self._stopped.set()
        if self._job is not None:
            self._job.kill()
        self._model = self._index = None
        shutil.rmtree(self._downloads, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _model_folder(self) -> Path:
        assert self.card_file is not None
        return self._project.models_folder / self.card_file.stem

    def _run(self, job: DemoJob, max_minutes: float) -> Iterator[DemoEvent]:
        if self._job is not None:
            self._job.kill()  # one job at a time; killing one that has ended does nothing
        self._stopped.clear()
        environ = job_environment(self.folder / "cache", private=self.options.private)
        self._job = JobProcess(job, environ, self.folder / "errors.log", max_minutes)
        yield from self._job.events()


def chosen_sources(files: Sequence[str], addresses: str, max_accounts: int) -> list[str]:
    """The files, and the addresses in `addresses`, one per line.

    Raises UsageError for none, for too many, and for anything but an address: a path would be
    one of this machine.
    """
    named = [line.strip() for line in addresses.replace(",", "\n").splitlines() if line.strip()]
    for address in named:
        if not is_live(address):
            raise UsageError(
                "not an account's address",
                where=address[:100],
                fix="Write mastodon:user@server or bluesky:handle",
            )
    sources = [*files, *named]
    if not sources:
        raise UsageError("no posts to read", fix="Choose a file or enter an account")
    if len(sources) > max_accounts:
        raise UsageError(
            f"{len(sources)} accounts are more than the limit",
            fix=f"Choose up to {max_accounts}",
        )
    return sources


def _own_project(folder: Path, project: Project) -> Project:
    """A project in `folder` with the configuration, templates and deny list of `project`."""
    config, denied = project.config, project.config.consent.deny
    if denied is not None:
        consent = ConsentConfig(deny=os.fspath((project.root / denied).absolute()))
        config = replace(config, consent=consent)
    if project.templates_folder.is_dir() and (project.templates_folder / "card.md.j2").is_file():
        (folder / "templates").symlink_to(project.templates_folder.absolute())
    return Project(folder, replace(config, models="models"))
