"""The cards of all models of a user or an organization on a Hub."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hubtools.cards.card import Card
from hubtools.cards.importing import import_readme
from hubtools.cards.render import is_sealed
from hubtools.core.errors import CardError
from hubtools.core.readme import MAX_README

if TYPE_CHECKING:
    from huggingface_hub import HfApi

README = "README.md"
_AT_A_TIME = 8


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model as the listing of its owner tells of it."""

    repo_id: str
    head: str
    has_readme: bool

    @property
    def name(self) -> str:
        return self.repo_id.rpartition("/")[2]


def list_hub_models(api: HfApi, namespace: str) -> list[HubModel]:
    """All models of `namespace`: one request for each thousand of them.

    Raises what the client raises when the Hub does not answer.
    """
    found = api.list_models(author=namespace, expand=["sha", "siblings"])
    return [
        HubModel(m.id, m.sha or "main", any(s.rfilename == README for s in m.siblings or ()))
        for m in found
    ]


def import_from_hub(
    api: HfApi, models: Sequence[HubModel]
) -> Iterator[tuple[HubModel, Card | CardError]]:
    """The card of each model, in their order: one request each, a few at a time.

    The README is read at the head that the listing saw. What cannot be imported is an error in
    its place. Raises what the client raises when the Hub does not answer, after its own retries.
    """
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        one = _importer(api)
        for start in range(0, len(models), _AT_A_TIME):
            some = models[start : start + _AT_A_TIME]
            yield from zip(some, pool.map(one, some), strict=True)


def _importer(api: HfApi) -> Callable[[HubModel], Card | CardError]:
    from huggingface_hub.utils import build_hf_headers

    headers = build_hf_headers(token=api.token, library_name="hubtools")
    return lambda model: _import_model(api.endpoint, headers, model)


def _import_model(endpoint: str, headers: dict[str, str], model: HubModel) -> Card | CardError:
    if not model.has_readme:
        return CardError("has no README.md", where=model.repo_id)
    try:
        data = _download(endpoint, headers, model)
        text = _text(data)
        card = import_readme(text, repo=model.name)
        if is_sealed(text):
            return card
        # All that the README says is in the card now: publishing the card loses nothing.
        return replace(card, pulled=hashlib.sha256(data).hexdigest())
    except CardError as error:
        where = f"{model.repo_id}: {error.where}" if error.where else model.repo_id
        return CardError(error.what, where=where, fix=error.fix)


def _download(endpoint: str, headers: dict[str, str], model: HubModel) -> bytes:
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import hf_raise_for_status, http_backoff

    url = hf_hub_url(model.repo_id, README, revision=model.head, endpoint=endpoint)
    response = http_backoff("GET", url, headers=headers, follow_redirects=True)
    hf_raise_for_status(response)
    if len(response.content) > MAX_README:
        raise CardError(f"README.md is larger than {MAX_README >> 20} MiB")
    return response.content


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CardError(f"README.md is not UTF-8 (byte {error.start})") from error
