"""One repository brought in step with one folder: only what changed, and never over an edit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubtools.cards.render import is_sealed
from hubtools.errors import ConflictError
from hubtools.files import sha256_file
from hubtools.record import RUN_RECORD, read_record
from hubtools.sync.answers import asking
from hubtools.sync.target import HUGGING_FACE

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.hf_api import ModelInfo, RepoSibling


@dataclass(frozen=True, slots=True)
class RepoFolder:
    """What a repository should hold; files on the Hub that are not named here are left alone."""

    path: Path
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pushed:
    """A repository as it now stands."""

    repo_id: str
    commit: str
    uploaded: tuple[str, ...]
    """Empty when everything was there already."""


def push(api: HfApi, repo_id: str, folder: RepoFolder, *, private: bool, message: str) -> Pushed:
    """Make `repo_id` hold the files of `folder`, in one commit on the head that was looked at.

    Raises ConflictError when the repository holds something else of a name that we would
    overwrite, or changed meanwhile; AccessError and HubUnavailableError as the Hub answers.
    """
    with asking(repo_id):
        info = _info(api, repo_id)
        if info is None:
            api.create_repo(repo_id, private=private, exist_ok=True)
            info = api.model_info(repo_id, files_metadata=True)
        remote = {file.rfilename: file for file in info.siblings or ()}
        changed = [name for name in folder.files if not _same(folder.path / name, remote.get(name))]
        foreign = _foreign(api, info, [remote[name] for name in changed if name in remote])
        if foreign:
            raise ConflictError(
                f"{', '.join(foreign)} on the Hub was changed by someone else",
                where=repo_id,
                fix="Nothing was overwritten. Bring the change home, or publish as another --name",
            )
        if not changed:
            return Pushed(repo_id, info.sha or "", ())
        commit = _commit(api, info, folder, changed, message)
    return Pushed(repo_id, commit, tuple(changed))


def _info(api: HfApi, repo_id: str) -> ModelInfo | None:
    from huggingface_hub.errors import RepositoryNotFoundError

    try:
        return api.model_info(repo_id, files_metadata=True)
    except RepositoryNotFoundError as error:
        if error.response.status_code == 401 and api.token is not False:
            # huggingface.co says 401 for "not there" too; creating tells the two apart.
            api.whoami()
        return None


def _same(file: Path, there: RepoSibling | None) -> bool:
    if there is None:
        return False
    if there.lfs is not None:
        return there.lfs.size == file.stat().st_size and there.lfs.sha256 == sha256_file(file)
    return there.blob_id == git_blob_id(file.read_bytes())


def git_blob_id(data: bytes) -> str:
    """The id that git, and so the Hub, gives a regular file: SHA-1 of a header and the bytes."""
    header = b"blob %d\0" % len(data)
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()


def _foreign(api: HfApi, info: ModelInfo, files: list[RepoSibling]) -> list[str]:
    """Those of `files` that are not as we last left them.

    A README of ours ends with its digest; a run record of ours holds its own digest and those
    of all other files.
    """
    if not files:
        return []
    record = read_record(_read(api, info, RUN_RECORD))
    return [file.rfilename for file in files if not _is_ours(api, info, file, record)]


def _is_ours(api: HfApi, info: ModelInfo, file: RepoSibling, record: Mapping[str, Any]) -> bool:
    name = file.rfilename
    if name == RUN_RECORD:
        return bool(record)
    if name == "README.md":
        return is_sealed((_read(api, info, name) or b"").decode(errors="replace"))
    known = record.get("files", {}).get(name)
    if file.lfs is not None:
        return bool(known == file.lfs.sha256)
    data = _read(api, info, name)
    return data is not None and known == hashlib.sha256(data).hexdigest()


def _read(api: HfApi, info: ModelInfo, name: str) -> bytes | None:
    """A small file at the commit that was looked at; None when there is none."""
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    if name not in {file.rfilename for file in info.siblings or ()}:
        return None
    url = f"{api.endpoint}/{info.id}/resolve/{info.sha}/{name}"
    headers = build_hf_headers(token=api.token, library_name=api.library_name)
    response = get_session().get(url, headers=headers, follow_redirects=True)
    hf_raise_for_status(response)
    return response.content


def _commit(
    api: HfApi, info: ModelInfo, folder: RepoFolder, changed: list[str], message: str
) -> str:
    from huggingface_hub import CommitOperationAdd

    with ExitStack() as files:
        operations: list[CommitOperationAdd] = []
        for name in changed:
            path = folder.path / name
            # An open file goes up by plain HTTP; a path may take the Hub's chunk store.
            chunked = api.endpoint == HUGGING_FACE
            data = str(path) if chunked else files.enter_context(path.open("rb"))
            operations.append(CommitOperationAdd(name, data))
        commit = api.create_commit(
            info.id, operations, commit_message=message, parent_commit=info.sha
        )
    return commit.oid
