"""Observe a Hub: one listing for all revisions, and a look at the repositories that moved since."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from huggingface_hub.utils import httpx

from hubtools.core.errors import ConflictError, HubtoolsError
from hubtools.core.events import Reporter
from hubtools.core.readme import MAX_README
from hubtools.core.run_record import RUN_RECORD, read_record
from hubtools.sync.client import HubClient, parse_json, raise_for_status
from hubtools.sync.repo_state import (
    GIT_ATTRIBUTES,
    README,
    SPACES,
    Desired,
    Observed,
    Remote,
    Revision,
)
from hubtools.sync.state import StateCache

CONCURRENCY = 8
_PAGE = 1000
_BATCH = 200  # repositories between two writes to the cache


class UnreadableError(ConflictError):
    """One repository that cannot be read, while others can."""


@dataclass(frozen=True, slots=True)
class CardRepo:
    """The repository that a card asks for."""

    desired: Desired
    is_merged: Callable[[bytes], bool]
    """Whether overwriting a README with these bytes loses nothing."""
    cached: Observed | None = None


def observe(
    hub: HubClient,
    namespace: str,
    repos: Sequence[CardRepo],
    cache: StateCache,
    reporter: Reporter,
) -> Remote:
    """The revisions of all repositories of `namespace`, and what those of the cards hold.

    Costs the pages of the listing, and one request for each repository that is not at the revision
    of an earlier run: its README, or the list of its files where the card has a model. Each file
    that differs costs another, to see whose work it is. Raises as requests do.
    """
    revisions = {revision.name: revision for revision in list_revisions(hub, namespace)}
    known = cache.observed()
    cached = {r.desired.name: known.get(f"{namespace}/{r.desired.name}") for r in repos}
    existing = [r for r in repos if r.desired.name in revisions]
    observed: dict[str, Observed] = {}
    unknown: list[CardRepo] = []
    for repo in existing:
        name = repo.desired.name
        before = cached[name]
        if before is not None and _is_current(before, revisions[name], repo.desired):
            observed[name] = before
        else:
            unknown.append(replace(repo, cached=before))
    if unknown:
        observed.update(_read_all(hub, revisions, unknown, cache, reporter))
    hub.transport.cancel.raise_if_cancelled()
    return Remote(revisions, observed, {name: one.revision for name, one in cached.items() if one})


def _is_current(cached: Observed, revision: Revision, desired: Desired) -> bool:
    """An edit is read again each time: `pull` may have merged it meanwhile."""
    complete = desired.files.keys() <= cached.files.keys()
    return cached.revision == revision.sha and complete and not (cached.edited or cached.unreadable)


def _read_all(
    hub: HubClient,
    revisions: Mapping[str, Revision],
    repos: Sequence[CardRepo],
    cache: StateCache,
    reporter: Reporter,
) -> dict[str, Observed]:
    found: dict[str, Observed] = {}
    card_only = sum(repo.desired.card_only for repo in repos)
    hub.transport.pacer.expect("resolvers", card_only)
    hub.transport.pacer.expect("api", len(repos) - card_only)
    with reporter.task("Reading", len(repos)) as bar, ThreadPoolExecutor(CONCURRENCY) as pool:
        for start in range(0, len(repos), _BATCH):
            batch = repos[start : start + _BATCH]
            read = pool.map(lambda r: observe_repo(hub, revisions[r.desired.name], r), batch)
            observed = dict(zip((r.desired.name for r in batch), read, strict=True))
            cache.save_observed(
                {
                    revisions[r.desired.name].repo_id: _managed(observed[r.desired.name], r.desired)
                    for r in batch
                    if not observed[r.desired.name].unreadable
                }
            )
            found.update(observed)
            bar.advance(len(found))
    return found


def _managed(observed: Observed, desired: Desired) -> Observed:
    """Without the files that the card does not manage: nobody knows whose work they are."""
    files = {path: one for path, one in observed.files.items() if path in desired.files}
    return replace(observed, files=files)


def list_revisions(hub: HubClient, namespace: str) -> Iterator[Revision]:
    """Every model of `namespace` that the token may see, a thousand a request."""
    params = {"author": namespace, "expand": ["sha", "private"], "limit": _PAGE}
    for page in hub.pages("/api/models", f"{namespace} on {hub.endpoint}", params):
        for item in page:
            yield _revision(item)


def find_revision(hub: HubClient, repo: str) -> Revision | None:
    """One repository under its present name; None where the token sees none."""
    params = {"expand": ["sha", "private"]}
    response = hub.send("GET", hub.repo_path(repo), repo, params=params)
    if response.status_code == 404 or response.headers.get("X-Error-Code") == "RepoNotFound":
        return None
    found = _revision(parse_json(raise_for_status(response, repo), repo, dict))
    return replace(found, repo_id=f"{SPACES}{found.repo_id}") if repo.startswith(SPACES) else found


def is_new(hub: HubClient, revision: Revision, files: Collection[str]) -> bool:
    """Whether a repository with `files` is as the Hub creates it.

    A Space begins with a README, in which someone may have written since.
    """
    if not revision.repo_id.startswith(SPACES):
        return set(files) <= {GIT_ATTRIBUTES}
    if not set(files) <= {GIT_ATTRIBUTES, README}:
        return False
    path = hub.repo_path(revision.repo_id, "commits", revision.sha)
    return len(parse_json(hub.get(path, revision.repo_id), revision.repo_id, list)) == 1


def _revision(item: Mapping[str, Any]) -> Revision:
    try:
        return Revision(item["id"], item["sha"], bool(item.get("private")))
    except (KeyError, TypeError) as error:
        raise HubtoolsError("the listing has no revisions", where="the Hub") from error


def observe_repo(hub: HubClient, revision: Revision, repo: CardRepo) -> Observed:
    """What a repository holds of what `repo` asks for, and which of it someone else changed."""
    try:
        if repo.desired.card_only:
            return _observe_readme(hub, revision, repo)
        files = list_files(hub, revision)
        changed = [
            p for p, d in repo.desired.files.items() if p in files and not d.matches(files[p])
        ]
        return Observed(revision.sha, files, _edited(hub, revision, repo, files, changed))
    except UnreadableError as error:
        return Observed(revision.sha, {}, unreadable=error.what)


def _observe_readme(hub: HubClient, revision: Revision, repo: CardRepo) -> Observed:
    data = read_file(hub, revision, README)
    if data is None:
        return Observed(revision.sha, list_files(hub, revision))
    digest = hashlib.sha256(data).hexdigest()
    merged = digest == repo.desired.files[README].sha256 or repo.is_merged(data)
    edited = frozenset() if merged else frozenset({README})
    return Observed(revision.sha, {README: f"sha256:{digest}"}, edited)


def _edited(
    hub: HubClient,
    revision: Revision,
    repo: CardRepo,
    files: Mapping[str, str],
    changed: Sequence[str],
) -> frozenset[str]:
    """Those of `changed` that are not as we left them: not as cached, nor as our run record has it.

    The record has its own digest and those of all other files.
    """
    cached = repo.cached
    left = {p: d for p, d in cached.files.items() if p not in cached.edited} if cached else {}
    others = [path for path in changed if path != README]
    has_record = others and RUN_RECORD in files
    record = read_record(read_file(hub, revision, RUN_RECORD) if has_record else None)
    edited = set()
    for path in others:
        if path == RUN_RECORD and record:
            continue
        ours = {left.get(path), f"sha256:{record.get('files', {}).get(path)}"}
        if not ours & _digests(hub, revision, path, files[path]):
            edited.add(path)
    if README in changed and not repo.is_merged(read_file(hub, revision, README) or b""):
        edited.add(README)
    return frozenset(edited)


def _digests(hub: HubClient, revision: Revision, path: str, listed: str) -> set[str]:
    """Both names of a content; a file that is not in LFS is read for its SHA-256."""
    if listed.startswith("sha256:"):
        return {listed}
    data = read_file(hub, revision, path) or b""
    return {listed, f"sha256:{hashlib.sha256(data).hexdigest()}"}


def list_files(hub: HubClient, revision: Revision) -> dict[str, str]:
    """Every file at `revision` by its path: `sha256:…` in LFS, else `git:…`."""
    path = hub.repo_path(revision.repo_id, "revision", revision.sha)
    response = hub.send("GET", path, revision.repo_id, params={"blobs": "true"})
    info = parse_json(_readable(response, revision), revision.repo_id, dict)
    return {
        item["rfilename"]: f"sha256:{item['lfs']['sha256']}"
        if item.get("lfs")
        else f"git:{item['blobId']}"
        for item in info.get("siblings", [])
    }


def read_file(
    hub: HubClient, revision: Revision, path: str, sha: str | None = None
) -> bytes | None:
    """A small file at `revision`, or at the commit `sha`; None where there is none.

    Raises UnreadableError when the repository is gone, is gated for this token, or holds a README
    that no Hub shows.
    """
    address = f"/{quote(revision.repo_id)}/resolve/{sha or revision.sha}/{quote(path)}"
    response = hub.send("GET", address, revision.repo_id)
    if response.headers.get("X-Error-Code") == "EntryNotFound":
        return None
    data: bytes = _readable(response, revision).content
    if path == README and len(data) > MAX_README:
        what = f"{path} is larger than {MAX_README >> 20} MiB"
        raise UnreadableError(what, where=revision.repo_id)
    return data


def _readable(response: httpx.Response, revision: Revision) -> httpx.Response:
    code = response.headers.get("X-Error-Code")
    if response.status_code == 404 or code in ("RepoNotFound", "RevisionNotFound"):
        what = "removed, renamed or hidden while it was read: run again"
        raise UnreadableError(what, where=revision.repo_id)
    if response.status_code == 403 or code == "GatedRepo":
        raise UnreadableError("this token may not read it", where=revision.repo_id)
    return raise_for_status(response, revision.repo_id)
