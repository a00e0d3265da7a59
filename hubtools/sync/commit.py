"""Carrying out one change: every commit on the head that the plan saw, and none of them twice.

An answer that was lost says nothing of the commit, which may have landed. So it is looked up
before it is sent again; and since the head it names as its parent is then no longer the head, a
commit that lands after all while its repetition is on the way is refused, and found on a second
look. Each commit says in its description which content on which parent it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.core.errors import ConflictError, HubUnavailableError
from hubtools.sync.client import FOR_NOW, Hub, StoppedError, good, network_errors, told
from hubtools.sync.observe import is_new, list_files
from hubtools.sync.plan import README, SPACES, Change, Desired, Head
from hubtools.sync.target import HUGGING_FACE

if TYPE_CHECKING:
    from httpx2 import Response

_EXISTS, _OTHER_HEAD, _TOO_MANY = 409, 412, 429
_UPLOAD = 5  # requests of the client's uploader: checks, two for large files, the commit
_AGAIN = "Nothing was overwritten. Run again to look anew"


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """A change with the bytes that it sends."""

    change: Change
    wanted: Desired
    data: Mapping[str, bytes]
    """Files that are held in memory: the README, and all of a Space."""
    paths: Mapping[str, Path]
    """Files of the model's folder."""
    private: bool
    """Whether a repository that is created is private."""
    message: str
    sdk: str | None = None
    """Of a Space that is created."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of sending a commit: its id, or what the Hub said instead."""

    oid: str | None
    response: Response | None


def expected_requests(change: Change) -> int:
    """How many requests carrying out `change` takes, as far as that is known beforehand.

    A creation asks for its head too, which is expected when that is certain.
    """
    made = 1 if change.head is None else 0
    weights = bool(change.files.keys() - {README})
    return made + (1 + _UPLOAD if weights else 1)


def deliver(hub: Hub, delivery: CommitRequest) -> str:
    """Carry out a create, update or retire; the id of the commit that the repository is then at.

    Raises ConflictError when the repository is not what the plan saw, and what requests raise.
    """
    change = delivery.change
    if change.action == "retire":
        hide(hub, change.repo)
        if not change.files:
            assert change.head is not None
            return change.head
    if change.head is not None:
        head = change.head
    else:
        head, done = _born(hub, delivery)
        if done:
            return head
    key = _key(change, head)
    commit = _commit_folder if delivery.paths else _commit_text
    return _once(hub, change.repo, head, key, lambda: commit(hub, delivery, head, key))


def hide(hub: Hub, repo: str) -> None:
    """Make a repository private; it may be already."""
    hub.ask("PUT", hub.repo(repo, "settings"), repo, json={"visibility": "private"})


def remove(hub: Hub, repo: str) -> bool:
    """Delete a repository with its history; False when there is none."""
    namespace, _, name = repo.partition("/")
    body = {"organization": namespace, "name": name, "type": "model"}
    response = hub.answer("DELETE", "/api/repos/delete", repo, json=body)
    if response.status_code == 404:
        return False
    good(response, repo)
    return True


def _born(hub: Hub, delivery: CommitRequest) -> tuple[str, bool]:
    """The head of a new repository, and whether it holds already what it should.

    One that is there already is ours to fill when it is empty: an answer may have been lost, or
    another run may be at work.
    """
    repo = delivery.change.repo
    response = hub.answer("POST", "/api/repos/create", repo, json=_birth(delivery))
    if response.status_code != 409:
        good(response, repo)
    hub.pacer.expect("api", 1)
    answer = hub.get(hub.repo(repo), repo, params={"expand": ["sha", "siblings"]})
    info = told(answer, repo, dict, "sha")
    files = {item["rfilename"] for item in info.get("siblings", [])}
    head = Head(repo, str(info["sha"]))
    if is_new(hub, head, files):
        return head.sha, False
    if _holds(hub, delivery, head):
        return head.sha, True
    raise ConflictError("was created by someone else meanwhile", where=repo, fix=_AGAIN)


def _birth(delivery: CommitRequest) -> dict[str, str]:
    """What the Hub is told of a repository that it is to make."""
    repo, visibility = delivery.change.repo, "private" if delivery.private else "public"
    namespace, _, name = repo.removeprefix(SPACES).partition("/")
    body = {"name": name, "organization": namespace, "visibility": visibility}
    if repo.startswith(SPACES):
        return {**body, "type": "space", "sdk": delivery.sdk or ""}
    return {**body, "type": "model"}


def _holds(hub: Hub, delivery: CommitRequest, head: Head) -> bool:
    """Whether all that the change sends is there."""
    there = list_files(hub, head)
    wanted = delivery.wanted.files
    return all(wanted[path].fits(there.get(path)) for path in delivery.change.files)


def _once(hub: Hub, repo: str, head: str, key: str, send: Callable[[], Answer]) -> str:
    """Send a commit until it has landed, once. Raises as `deliver` does."""
    for attempt in range(hub.patience.attempts):
        try:
            answer = send()
        except network_errors():
            answer = None
        if answer is not None and answer.oid is not None:
            return answer.oid
        response = answer.response if answer else None
        status = response.status_code if response is not None else 0
        if status == 404 or 300 <= status < 400:
            raise ConflictError("was removed or renamed meanwhile", where=repo, fix=_AGAIN)
        if status not in (0, _EXISTS, _OTHER_HEAD) and status not in FOR_NOW:
            assert response is not None
            good(response, repo)
        if status != _TOO_MANY:
            landed = _landed(hub, repo, head, key)
            if landed is not None:
                return landed
        if attempt + 1 < hub.patience.attempts:
            hub.pause(attempt, "api", response)
    raise HubUnavailableError(
        "did not take the commit", where=repo, fix="Nothing is lost: run the same command again"
    )


def _landed(hub: Hub, repo: str, head: str, key: str) -> str | None:
    """The id of the commit that says `key`; None when the head is still `head`.

    Raises ConflictError when somebody else's commit came after `head` instead.
    """
    response = hub.answer("GET", hub.repo(repo, "commits", "main"), repo)
    if response.status_code == 404:
        raise ConflictError("was removed or renamed meanwhile", where=repo, fix=_AGAIN)
    history = told(good(response, repo), repo, list)
    if history and history[0]["id"] == head:
        return None
    for commit in history:
        if key in f"{commit.get('title')}\n{commit.get('message')}":
            return str(commit["id"])
        if commit["id"] == head:
            break
    raise ConflictError("changed on the Hub meanwhile", where=repo, fix=_AGAIN)


def _commit_text(hub: Hub, delivery: CommitRequest, head: str, key: str) -> Answer:
    """One request: text needs no upload, and a README was checked when it was rendered."""
    header = {"summary": delivery.message, "description": key, "parentCommit": head}
    lines = [{"key": "header", "value": header}]
    for path, data in delivery.data.items():
        content = base64.b64encode(data).decode()
        lines.append(
            {"key": "file", "value": {"content": content, "path": path, "encoding": "base64"}}
        )
    response = hub.send(
        "POST",
        hub.repo(delivery.change.repo, "commit", "main"),
        content="".join(json.dumps(line) + "\n" for line in lines).encode(),
        headers={"Content-Type": "application/x-ndjson"},
        follow_redirects=False,
    )
    if response.status_code != 200:
        return Answer(None, response)
    try:
        return Answer(
            told(response, delivery.change.repo, dict, "commitOid")["commitOid"], response
        )
    except HubUnavailableError:
        return Answer(None, None)  # whatever has answered: the commit is looked up


def _commit_folder(hub: Hub, delivery: CommitRequest, head: str, key: str) -> Answer:
    """Weights and pictures go up by the client's own uploader, in one commit with the README."""
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import HfHubHTTPError

    if hub.stop.is_set():
        raise StoppedError
    change = delivery.change
    with ExitStack() as files:
        operations = [CommitOperationAdd(p, d) for p, d in delivery.data.items()]
        for path, file in delivery.paths.items():
            # An open file goes up by plain HTTP; a path may take the Hub's chunk store.
            chunked = hub.endpoint == HUGGING_FACE
            source = str(file) if chunked else files.enter_context(file.open("rb"))
            operations.append(CommitOperationAdd(path, source))
        # The client follows a renamed repository to its new name; a README of ours names the old.
        place = hub.answer("GET", hub.repo(change.repo), change.repo, follow_redirects=False)
        if place.status_code != 200:
            return Answer(None, place)
        try:
            with hub.room("api", _UPLOAD):
                commit = hub.api.create_commit(
                    change.repo,
                    operations,
                    commit_message=delivery.message,
                    commit_description=key,
                    parent_commit=head,
                )
        except HfHubHTTPError as error:
            return Answer(None, error.response)
        except RuntimeError as error:  # how the uploader wraps what went wrong with one file
            if isinstance(error.__cause__, HfHubHTTPError):
                return Answer(None, error.__cause__.response)
            raise error.__cause__ or error from error
    return Answer(str(commit.oid), None)


def _key(change: Change, head: str) -> str:
    """What a commit says of itself: a digest of its content and of the commit it builds on."""
    told = json.dumps([head, sorted(change.files.items())])
    return f"hubtools:{hashlib.sha256(told.encode()).hexdigest()[:32]}"
