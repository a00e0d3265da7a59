"""The local Hub's errors, with their HTTP statuses and the codes that huggingface_hub reads."""

from __future__ import annotations

from typing import ClassVar

from hubtools.core.errors import AccessError, ConflictError, HubtoolsError


class StoreError(HubtoolsError):
    """A request that the local Hub refuses or fails."""

    status: ClassVar[int] = 500
    code: ClassVar[str | None] = None


class BadRequestError(StoreError):
    status = 400


class UnauthorizedError(StoreError, AccessError):
    status = 401


class RepoHiddenError(UnauthorizedError):
    """A missing or private repository, which anonymous callers cannot tell apart."""

    code = "RepoNotFound"


class GatedRepoError(UnauthorizedError):
    """The files of a gated repository, requested by an anonymous caller."""

    code = "GatedRepo"


class ForbiddenError(StoreError, AccessError):
    status = 403


class RepoNotFoundError(StoreError):
    status = 404
    code = "RepoNotFound"


class RepoMovedError(StoreError):
    """The repository was renamed; `old` and `new` are full ids."""

    status = 307

    def __init__(self, old: str, new: str) -> None:
        super().__init__(f"{old} is now {new}")
        self.old, self.new = old, new


class RevisionNotFoundError(StoreError):
    status = 404
    code = "RevisionNotFound"


class EntryNotFoundError(StoreError):
    """A commit has no such file; clients cache that by the commit's oid."""

    status = 404
    code = "EntryNotFound"

    def __init__(self, path: str, commit: str) -> None:
        super().__init__("not found in this revision", where=path)
        self.commit = commit


class RepoExistsError(StoreError):
    status = 409


class HeadMovedError(StoreError, ConflictError):
    status = 412


class TooLargeError(StoreError):
    status = 413


class WrongContentError(StoreError):
    status = 422
