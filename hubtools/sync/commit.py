"""Apply one change: each commit on the revision that the plan is based on, and none of them twice.

A lost response says nothing of the commit, which may have landed. So it is looked up before it is
sent again; and as its parent is then no longer the newest commit, one that lands while its
repetition is on the way refuses the repetition, and a second look finds it. The description of
each commit identifies its content and its parent.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import httpx

from hubtools.core.errors import ConflictError, HubUnavailableError
from hubtools.sync.client import HubClient, parse_json, raise_for_status
from hubtools.sync.http_errors import NETWORK_ERRORS, RERUN, translated_errors
from hubtools.sync.observe import is_new, list_files
from hubtools.sync.plan import Change
from hubtools.sync.repo_state import README, SPACES, Desired, Revision
from hubtools.sync.retry import RETRIED_STATUSES
from hubtools.sync.target import HUGGING_FACE

_EXISTS, _OTHER_PARENT, _TOO_MANY = 409, 412, 429
_UPLOAD_REQUESTS = 5  # of the client's uploader: checks, two for large files, the commit
_UNTOUCHED = "Nothing was overwritten. Run again to plan anew"


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """A change with the bytes that it sends."""

    change: Change
    desired: Desired
    data: Mapping[str, bytes]
    """Files in memory: the README, or all of a Space."""
    paths: Mapping[str, Path]
    private: bool
    message: str
    sdk: str | None = None
    """Of a Space that is created."""


@dataclass(frozen=True, slots=True)
class CommitResponse:
    oid: str | None
    response: httpx.Response | None = None


def expected_requests(change: Change) -> int:
    """How many requests applying `change` takes, as far as it is known in advance.

    A creation also reads its revision, which is announced once that is certain.
    """
    creation = 1 if change.revision is None else 0
    has_model = bool(change.files.keys() - {README})
    return creation + (1 + _UPLOAD_REQUESTS if has_model else 1)


def apply_change(hub: HubClient, request: CommitRequest) -> str:
    """Create, update or retire a repository; the id of the commit that it is then at.

    Raises ConflictError when the repository is not as planned, and what requests raise.
    """
    change = request.change
    if change.action == "retire":
        make_private(hub, change.repo)
        if not change.files:
            assert change.revision is not None
            return change.revision
    if change.revision is not None:
        parent = change.revision
    else:
        parent, complete = _create_repo(hub, request)
        if complete:
            return parent
    key = _commit_key(change, parent)
    commit = _upload if request.paths else _commit_text
    return _commit_once(hub, change.repo, parent, key, lambda: commit(hub, request, parent, key))


def make_private(hub: HubClient, repo: str) -> None:
    """Make a repository private; it may be already."""
    hub.request("PUT", hub.repo_path(repo, "settings"), repo, json={"visibility": "private"})


def delete_repo(hub: HubClient, repo: str) -> bool:
    """Delete a model with its history; False when there is none."""
    namespace, _, name = repo.partition("/")
    body = {"organization": namespace, "name": name, "type": "model"}
    response = hub.send("DELETE", "/api/repos/delete", repo, json=body)
    if response.status_code == 404:
        return False
    raise_for_status(response, repo)
    return True


def _create_repo(hub: HubClient, request: CommitRequest) -> tuple[str, bool]:
    """The commit that a new repository is at, and whether it has all that we would send.

    One that exists already is ours to fill when it is empty: a response may have been lost, or
    another run may be at work. Raises ConflictError for one with other content.
    """
    repo = request.change.repo
    is_space = repo.startswith(SPACES)
    with translated_errors(repo):
        hub.api.create_repo(
            repo.removeprefix(SPACES),
            private=request.private,
            repo_type="space" if is_space else "model",
            exist_ok=True,
            space_sdk=request.sdk if is_space else None,
        )
    hub.transport.pacer.expect("api", 1)
    found = hub.get(hub.repo_path(repo), repo, {"expand": ["sha", "siblings"]})
    info = parse_json(found, repo, dict, "sha")
    revision = Revision(repo, str(info["sha"]))
    if is_new(hub, revision, {item["rfilename"] for item in info.get("siblings", [])}):
        return revision.sha, False
    files, desired = list_files(hub, revision), request.desired.files
    if all(desired[path].matches(files.get(path)) for path in request.change.files):
        return revision.sha, True
    raise ConflictError("created by someone else in the meantime", where=repo, fix=_UNTOUCHED)


def _commit_once(
    hub: HubClient, repo: str, parent: str, key: str, send: Callable[[], CommitResponse]
) -> str:
    """Send a commit until it has landed, once. Raises as `apply_change` does."""
    response: httpx.Response | None = None
    for attempt in range(hub.transport.policy.attempts):
        if attempt:
            hub.transport.pause(attempt - 1, "api", response)
        try:
            sent = send()
        except NETWORK_ERRORS:
            sent = CommitResponse(None)
        if sent.oid is not None:
            return sent.oid
        response = sent.response
        status = response.status_code if response is not None else 0
        if status == 404 or 300 <= status < 400:
            raise _gone(repo)
        if status not in (0, _EXISTS, _OTHER_PARENT) and status not in RETRIED_STATUSES:
            assert response is not None
            raise_for_status(response, repo)
        if status != _TOO_MANY:
            landed = _find_commit(hub, repo, parent, key)
            if landed is not None:
                return landed
    raise HubUnavailableError("the Hub did not accept the commit", where=repo, fix=RERUN)


def _find_commit(hub: HubClient, repo: str, parent: str, key: str) -> str | None:
    """The id of the commit with `key`; None when `parent` is still the newest.

    Raises ConflictError when someone else's commit came after `parent` instead.
    """
    response = hub.send("GET", hub.repo_path(repo, "commits", "main"), repo)
    if response.status_code == 404:
        raise _gone(repo)
    history = parse_json(raise_for_status(response, repo), repo, list)
    if history and history[0]["id"] == parent:
        return None
    for commit in history:
        if key in f"{commit.get('title')}\n{commit.get('message')}":
            return str(commit["id"])
        if commit["id"] == parent:
            break
    raise ConflictError("changed on the Hub in the meantime", where=repo, fix=_UNTOUCHED)


def _gone(repo: str) -> ConflictError:
    return ConflictError("removed or renamed in the meantime", where=repo, fix=_UNTOUCHED)


def _commit_text(hub: HubClient, request: CommitRequest, parent: str, key: str) -> CommitResponse:
    """One request: text needs no upload, and a README was checked when it was rendered."""
    repo = request.change.repo
    header = {"summary": request.message, "description": key, "parentCommit": parent}
    lines = [{"key": "header", "value": header}]
    for path, data in request.data.items():
        content = base64.b64encode(data).decode()
        lines.append(
            {"key": "file", "value": {"content": content, "path": path, "encoding": "base64"}}
        )
    response = hub.send(
        "POST",
        hub.repo_path(repo, "commit", "main"),
        repo,
        content="".join(json.dumps(line) + "\n" for line in lines).encode(),
        headers={"Content-Type": "application/x-ndjson"},
        follow_redirects=False,
    )
    if response.status_code != 200:
        return CommitResponse(None, response)
    try:
        return CommitResponse(parse_json(response, repo, dict, "commitOid")["commitOid"], response)
    except HubUnavailableError:
        return CommitResponse(None)  # whatever responded: the commit is looked up


def _upload(hub: HubClient, request: CommitRequest, parent: str, key: str) -> CommitResponse:
    """Weights and pictures go up with the client's own uploader, in one commit with the README."""
    repo = request.change.repo
    with ExitStack() as files:
        operations = [CommitOperationAdd(path, data) for path, data in request.data.items()]
        for path, file in request.paths.items():
            # An open file goes up by plain HTTP; a path may take the Hub's chunk store.
            chunked = hub.endpoint == HUGGING_FACE
            source = str(file) if chunked else files.enter_context(file.open("rb"))
            operations.append(CommitOperationAdd(path, source))
        # The client follows a renamed repository to its new name; a README of ours has the old.
        found = hub.send("GET", hub.repo_path(repo), repo, follow_redirects=False)
        if found.status_code != 200:
            return CommitResponse(None, found)
        try:
            commit = hub.api.create_commit(
                repo,
                operations,
                commit_message=request.message,
                commit_description=key,
                parent_commit=parent,
            )
        except HfHubHTTPError as error:
            return CommitResponse(None, error.response)
        except RuntimeError as error:  # how the uploader wraps the error of one file
            if isinstance(error.__cause__, HfHubHTTPError):
                return CommitResponse(None, error.__cause__.response)
            raise error.__cause__ or error from error
    return CommitResponse(str(commit.oid))


def _commit_key(change: Change, parent: str) -> str:
    """What identifies a commit: a digest of its content and of its parent."""
    content = json.dumps([parent, sorted(change.files.items())])
    return f"hubtools:{hashlib.sha256(content.encode()).hexdigest()[:32]}"
