"""READMEs in files, folders or on a Hub become cards."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from huggingface_hub import HfApi, ModelInfo, hf_hub_url
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_backoff

from hubtools.cards.card import Card
from hubtools.cards.card_file import add_card
from hubtools.cards.importing import import_paths, import_readme, readme_text, readmes
from hubtools.cards.render import is_sealed
from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.errors import CardError, HubtoolsError, PartlyDoneError, UsageError
from hubtools.core.events import Reporter
from hubtools.sync.http_errors import translated_errors
from hubtools.sync.target import connect, parse_target

README = "README.md"
_REQUESTS_AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """Files and folders to import, or all models of a namespace on a Hub."""

    project: Project
    paths: tuple[Path, ...] = ()
    """READMEs of any name, and folders whose files with front matter are READMEs."""
    namespace: str | None = None
    """A user or an organization on the Hub `to`, in place of `paths`."""
    to: str | None = None
    """As `--to`; None: what the project says."""
    out: Path | None = None
    """Where the cards go; None: the project's cards."""
    refetch: bool = False
    """Fetch the READMEs of models that have a card too, and compare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """What became of each README."""

    out: Path
    imported: tuple[str, ...]
    """The repositories of new cards."""
    unchanged: int
    """Cards that were there already and say the same."""
    skipped: int
    """Models that were not fetched because they have a card."""
    failed: tuple[HubtoolsError, ...]

    def error(self) -> HubtoolsError | None:
        """The error to end with: the only README's own, PartlyDoneError for some of many."""
        total = len(self.failed) + len(self.imported) + self.unchanged + self.skipped
        fix = "Fix them and run the same command again"
        return PartlyDoneError.of(self.failed, total, "READMEs were not imported", fix)


@dataclass(slots=True)
class _ImportTally:
    out: Path
    imported: list[str] = field(default_factory=list)
    unchanged: int = 0
    failed: list[HubtoolsError] = field(default_factory=list)

    def add(self, card: Card | HubtoolsError) -> None:
        try:
            if isinstance(card, HubtoolsError):
                self.failed.append(card)
            elif add_card(card, self.out):
                self.imported.append(card.repo)
            else:
                self.unchanged += 1
        except HubtoolsError as error:
            self.failed.append(error)

    def add_all(
        self, cards: Iterable[Card | CardError], total: int, reporter: Reporter, cancel: CancelToken
    ) -> None:
        with reporter.task("Importing", total) as bar:
            for done, card in enumerate(cards, 1):
                self.add(card)
                bar.advance(done)
                cancel.raise_if_cancelled()


def import_cards(request: ImportRequest, reporter: Reporter, cancel: CancelToken) -> ImportResult:
    """Make a card of each README: of huggingtweets, of ours, or of anybody's.

    A card that is there is never overwritten. README files that cannot be imported are in
    `failed`. Raises UsageError unless the request has either paths or a namespace, and what
    requests to a Hub raise.
    """
    if bool(request.paths) == bool(request.namespace):
        raise UsageError("nothing to import", fix="Name files or folders, or a namespace on a Hub")
    tally = _ImportTally(request.out or request.project.cards_folder)
    skipped = 0
    if request.namespace is None:
        cards = (card for _, card in import_paths(request.paths))
        tally.add_all(cards, len(readmes(request.paths)), reporter, cancel)
    else:
        skipped = _add_from_hub(request, request.namespace, tally, reporter, cancel)
    return ImportResult(
        out=tally.out,
        imported=tuple(tally.imported),
        unchanged=tally.unchanged,
        skipped=skipped,
        failed=tuple(tally.failed),
    )


def _add_from_hub(
    request: ImportRequest,
    namespace: str,
    tally: _ImportTally,
    reporter: Reporter,
    cancel: CancelToken,
) -> int:
    project = request.project
    target = parse_target(request.to or project.config.hub.to, project.root)
    with connect(target) as api, translated_errors(f"{target}/{namespace}"):
        models = list_hub_models(api, namespace)
        reporter.detail(f"{len(models)} models in {namespace}")
        missing = [
            model
            for model in models
            if request.refetch or not (tally.out / f"{_name(model)}.toml").is_file()
        ]
        with closing(import_from_hub(api, missing)) as found:
            cards = (card for _, card in found)
            tally.add_all(cards, len(missing), reporter, cancel)
    return len(models) - len(missing)


def list_hub_models(api: HfApi, namespace: str) -> list[ModelInfo]:
    """All models of `namespace` with their revisions and files: one request per thousand.

    Raises what the client raises when the Hub does not answer.
    """
    return list(api.list_models(author=namespace, expand=["sha", "siblings"]))


def _name(model: ModelInfo) -> str:
    return model.id.rpartition("/")[2]


def import_from_hub(
    api: HfApi, models: Sequence[ModelInfo]
) -> Generator[tuple[ModelInfo, Card | CardError], None, None]:
    """The card of each model, in their order: one request each, a few at a time.

    The README is read at the revision in the listing. What cannot be imported is an error in its
    place. Raises what the client raises when the Hub does not answer, after its own retries.
    """
    headers = build_hf_headers(token=api.token, library_name="hubtools")
    with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as pool:
        one = partial(_import_model, api.endpoint, headers)
        for start in range(0, len(models), _REQUESTS_AT_ONCE):
            some = models[start : start + _REQUESTS_AT_ONCE]
            yield from zip(some, pool.map(one, some), strict=True)


def _import_model(endpoint: str, headers: dict[str, str], model: ModelInfo) -> Card | CardError:
    if not any(file.rfilename == README for file in model.siblings or ()):
        return CardError("has no README.md", where=model.id)
    try:
        url = hf_hub_url(model.id, README, revision=model.sha, endpoint=endpoint)
        response = http_backoff("GET", url, headers=headers, follow_redirects=True)
        hf_raise_for_status(response)
        text = readme_text(response.content)
        card = import_readme(text, repo=_name(model))
        if is_sealed(text):
            return card
        # All that the README says is in the card now: publishing the card loses nothing.
        return replace(card, pulled=hashlib.sha256(response.content).hexdigest())
    except CardError as error:
        where = f"{model.id}: {error.where}" if error.where else model.id
        return CardError(error.what, where=where, fix=error.fix)
