"""The errors of the local Hub, with their HTTP statuses and error codes.

::

    StoreError
    ├── BadRequestError          400
    ├── UnauthorizedError        401   a token is missing or invalid
    │   ├── RepoHiddenError      401   X-Error-Code: RepoNotFound
    │   └── GatedRepoError       401   X-Error-Code: GatedRepo
    ├── ForbiddenError           403
    ├── RepoNotFoundError        404   X-Error-Code: RepoNotFound
    ├── RepoMovedError           307   to the new name
    ├── RevisionNotFoundError    404   X-Error-Code: RevisionNotFound
    ├── EntryNotFoundError       404   X-Error-Code: EntryNotFound
    ├── RepoExistsError          409
    ├── HeadMovedError           412   the parent of a commit is no longer the head
    ├── TooLargeError            413
    └── WrongContentError        422   an upload differs from what was announced

The codes are those that huggingface_hub reads.
"""

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

    def __init__(self) -> None:
        super().__init__("Invalid username or password.")


class GatedRepoError(UnauthorizedError):
    """The files of a gated repository, requested by an anonymous caller."""

    code = "GatedRepo"

    def __init__(self, repo: str) -> None:
        super().__init__(
            f"Access to model {repo} is restricted. "
            "You must have access to it and be authenticated to access it. Please log in."
        )


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
