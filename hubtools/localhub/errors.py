"""What the local Hub refuses, and the HTTP status and error code that say so.

::

    StoreError
    ├── BadRequestError          400
    ├── UnauthorizedError        401   a token is missing or wrong
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
    └── WrongContentError        422   an upload is not what it was announced as

The codes are those that huggingface_hub reads.
"""

from __future__ import annotations

from typing import ClassVar

from hubtools.core.errors import AccessError, ConflictError, HubtoolsError


class StoreError(HubtoolsError):
    """A request that the local Hub does not carry out."""

    status: ClassVar[int] = 500
    code: ClassVar[str | None] = None


class BadRequestError(StoreError):
    status = 400


class UnauthorizedError(StoreError, AccessError):
    status = 401


class RepoHiddenError(UnauthorizedError):
    """Whether there is such a repository is not for those to know who did not sign in."""

    code = "RepoNotFound"

    def __init__(self) -> None:
        super().__init__("Invalid username or password.")


class GatedRepoError(UnauthorizedError):
    """The files of a gated repository, asked for by someone who did not sign in."""

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
    """The repository has another name now: `old` and `new` are whole ids."""

    status = 307

    def __init__(self, old: str, new: str) -> None:
        super().__init__(f"{old} is now {new}")
        self.old, self.new = old, new


class RevisionNotFoundError(StoreError):
    status = 404
    code = "RevisionNotFound"


class EntryNotFoundError(StoreError):
    """No such file at this commit; clients remember that by the commit's oid."""

    status = 404
    code = "EntryNotFound"

    def __init__(self, path: str, commit: str) -> None:
        super().__init__("no such file in this revision", where=path)
        self.commit = commit


class RepoExistsError(StoreError):
    status = 409


class HeadMovedError(StoreError, ConflictError):
    status = 412


class TooLargeError(StoreError):
    status = 413


class WrongContentError(StoreError):
    status = 422
