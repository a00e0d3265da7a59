"""Thumbnails of cards and of new predictions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from hubtools.cards.card import Card, CardAccount
from hubtools.cards.card_file import load_card, save_card
from hubtools.cards.selection import select_cards
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import CardError, HubtoolsError, PartlyDoneError, UsageError
from hubtools.core.events import Reporter
from hubtools.core.results import Prediction
from hubtools.core.run_record import RUN_RECORD, read_record, renew_digest
from hubtools.pictures import require_pictures
from hubtools.pictures.theme import ThemeName
from hubtools.pictures.types import (
    MAX_AVATAR_BYTES,
    SHOWN_ACCOUNTS,
    Face,
    ThumbnailSubject,
    ThumbnailTask,
)
from hubtools.posts.live.avatars import default_fetcher
from hubtools.posts.live.settings import cache_folder

THUMBNAIL = "predictions.png"
FetchAvatar = Callable[[str], bytes | None]
"""The image at an address; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThumbnailRequest:
    """Which cards' thumbnails to draw, and how."""

    project: Project
    names: tuple[str, ...] | None = None
    """None: every card."""
    out: Path | None = None
    """The PNG; for several cards a folder of NAME.png. None: predictions.png of each model."""
    prediction: int = 1
    """Which of the card's predictions to show, from 1."""
    theme: ThemeName = ThemeName.LIGHT
    offline: bool = False
    """Show only the avatars in the model's folder; fetch none."""
    jobs: int | None = None
    """Processes; None: one per core."""


@dataclass(frozen=True, slots=True)
class DrawnThumbnail:
    """A thumbnail that was drawn, and the text it shows."""

    card: str
    file: Path
    prediction: str


@dataclass(frozen=True, slots=True)
class ThumbnailFailure:
    """A card whose thumbnail could not be drawn."""

    card: str
    error: HubtoolsError


@dataclass(frozen=True, slots=True, kw_only=True)
class ThumbnailResult:
    """The thumbnails that were drawn, those that failed, and the characters that no font has."""

    drawn: tuple[DrawnThumbnail, ...]
    failed: tuple[ThumbnailFailure, ...]
    left_out: tuple[str, ...]

    def error(self) -> HubtoolsError | None:
        """The error to end with: that of the only card, PartlyDoneError for some of many."""
        return PartlyDoneError.of(
            [failure.error for failure in self.failed],
            len(self.drawn) + len(self.failed),
            "thumbnails could not be drawn",
            "Fix these cards and run the command again",
        )


def thumbnail(
    request: ThumbnailRequest, reporter: Reporter, cancel: CancelToken
) -> ThumbnailResult:
    """Draw the thumbnails of cards; a card that has none to draw is in `failed`.

    Avatars come from the model's folder, else from the address on the card. The prediction on a
    model's own picture becomes the first of its card: the card describes the picture with it.

    Raises CardError for a name without a card, OutputError for a file that cannot be written,
    MissingExtraError without the extra `pictures`, PartlyDoneError when a process dies.
    """
    require_pictures("Drawing thumbnails")
    from hubtools.pictures.bulk import draw_all

    files = select_cards(request.project.cards_folder, request.names)
    tasks: dict[Path, ThumbnailTask] = {}
    failed: list[ThumbnailFailure] = []
    fetcher = default_fetcher(cache_folder())
    fetcher = replace(fetcher, offline=request.offline or fetcher.offline)
    for file in files:
        cancel.raise_if_cancelled()
        try:
            tasks[file] = _task(file, request, len(files) > 1, fetcher.fetch)
        except HubtoolsError as error:
            failed.append(ThumbnailFailure(file.stem, error))
    left_out = draw_all(
        list(tasks.values()),
        request.theme.theme,
        jobs=request.jobs,
        reporter=reporter,
        cancel=cancel,
    )
    for file, task in tasks.items():
        renew_digest(task.file)
        if request.out is None and request.prediction > 1:
            card = load_card(file)
            save_card(with_first(card, chosen_prediction(card, request.prediction)), file)
    return ThumbnailResult(
        drawn=tuple(
            DrawnThumbnail(file.stem, task.file, task.subject.prediction)
            for file, task in tasks.items()
        ),
        failed=tuple(failed),
        left_out=left_out,
    )


def _task(
    card_file: Path, request: ThumbnailRequest, many: bool, fetch: FetchAvatar
) -> ThumbnailTask:
    folder = request.project.models_folder / card_file.stem
    card = load_card(card_file)
    chosen = chosen_prediction(card, request.prediction)
    if request.out is None:
        if not folder.is_dir():
            raise UsageError("the model has no folder", where=folder, fix="Name a file with --out")
        file = folder / THUMBNAIL
    else:
        file = request.out / f"{card_file.stem}.png" if many else request.out
    return ThumbnailTask(subject_of(card, chosen, folder, fetch), file)


def chosen_prediction(card: Card, number: int) -> Prediction:
    """Prediction `number` of the card, from 1; raises CardError when there is none."""
    if not card.predictions:
        raise CardError("the card has no predictions to show", where=card.repo)
    if not 1 <= number <= len(card.predictions):
        raise CardError(
            f"prediction {number} does not exist",
            where=card.repo,
            fix=f"Choose one from 1 to {len(card.predictions)}",
        )
    return card.predictions[number - 1]


def with_first(card: Card, prediction: Prediction) -> Card:
    """The card with `prediction` before its others.

    The first one describes the picture, is the output in the widget and previews the model.
    """
    others = tuple(other for other in card.predictions if other != prediction)
    return replace(card, predictions=(prediction, *others))


def subject_of(
    card: Card, prediction: Prediction, folder: Path, fetch: FetchAvatar = lambda address: None
) -> ThumbnailSubject:
    """What the card's thumbnail with `prediction` shows.

    Avatars come from the model's `folder`, else from `fetch` with their addresses.
    """
    faces = tuple(
        Face(account.name, account.handle, _avatar(account, number, folder, fetch))
        for number, account in enumerate(card.accounts, 1)
    )
    return ThumbnailSubject(faces, prediction.prompt, prediction.text)


def _avatar(account: CardAccount, number: int, folder: Path, fetch: FetchAvatar) -> bytes | None:
    kept = avatar_bytes(folder / avatar_file(number))
    if kept is None and (account.avatar or "").startswith("https://"):
        return fetch(account.avatar or "")
    return kept


def avatar_file(number: int) -> str:
    """The name of the avatar of account `number`, from 1, in a model's folder."""
    return f"avatar-{number}.png"


def avatar_bytes(file: Path) -> bytes | None:
    """The bytes of an image; None where there is none, or it is too large."""
    try:
        return file.read_bytes() if file.stat().st_size <= MAX_AVATAR_BYTES else None
    except OSError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPicturesRequest:
    """A model's predictions, and the folder for a picture of each."""

    model: str
    """A folder, or a repository id."""
    prompt: str
    texts: tuple[str, ...]
    out: Path
    theme: ThemeName = ThemeName.LIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionPicturesResult:
    """The PNGs in the order of the predictions, and the characters that no font has."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def draw_predictions(
    request: PredictionPicturesRequest, reporter: Reporter, cancel: CancelToken
) -> PredictionPicturesResult:
    """Draw a picture of each prediction: `out`/1.png, 2.png, …

    Raises MissingExtraError without the extra `pictures`, OutputError for a file that cannot be
    written.
    """
    require_pictures("Drawing predictions")
    from hubtools.pictures.bulk import draw_all

    tasks = prediction_tasks(request.model, request.prompt, request.texts, request.out)
    left_out = draw_all(tasks, request.theme.theme, reporter=reporter, cancel=cancel)
    return PredictionPicturesResult(files=tuple(task.file for task in tasks), left_out=left_out)


def prediction_tasks(
    model: str, prompt: str, texts: Sequence[str], folder: Path
) -> list[ThumbnailTask]:
    """A picture of each prediction in `folder`, numbered from 1 with zeros before, so they sort."""
    faces, digits = faces_of(model), len(str(len(texts)))
    return [
        ThumbnailTask(ThumbnailSubject(faces, prompt, text), folder / f"{number:0{digits}}.png")
        for number, text in enumerate(texts, 1)
    ]


def faces_of(model: str) -> tuple[Face, ...]:
    """The accounts of a model's folder or repository, from its `run.json` and avatars.

    A model that hubtools did not train has no such record: its name stands for its accounts.
    """
    sources = read_record(_model_file(model, RUN_RECORD)).get("sources")
    rows = [row for row in sources if isinstance(row, Mapping)] if isinstance(sources, list) else []
    if not rows:
        return (Face(Path(model).resolve().name if Path(model).is_dir() else model, None, None),)
    faces = []
    for number, row in enumerate(rows, 1):
        avatar = _model_file(model, avatar_file(number)) if number <= SHOWN_ACCOUNTS else None
        name, handle = (
            value if isinstance(value, str) else None for value in map(row.get, ("name", "handle"))
        )
        faces.append(Face(name, handle, avatar))
    return tuple(faces)


def _model_file(model: str, name: str) -> bytes | None:
    file = Path(model) / name
    if not Path(model).is_dir():
        try:
            file = Path(hf_hub_download(model, name))
        except (HfHubHTTPError, HFValidationError, OSError):
            return None
    elif name == RUN_RECORD and file.is_file():
        return file.read_bytes()
    return avatar_bytes(file)


def left_out_note(left_out: Iterable[str]) -> str:
    """What to report about characters that no font has; "" when there are none."""
    missing = list(left_out)
    if not missing:
        return ""
    shown = " ".join(missing[:40]) + (" …" if len(missing) > 40 else "")
    cjk = any(len(char) == 1 and 0x2E80 <= ord(char) <= 0xFFEF for char in missing)
    fix = (
        "For Chinese, Japanese and Korean, install the extra `cjk`"
        if cjk
        else "Fonts installed on this system are used too"
    )
    return f"No font has these characters, so the pictures leave them out: {shown}. {fix}"
