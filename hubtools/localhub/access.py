"""Who may do what on the local Hub."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import Literal

from hubtools.core.repo_names import check_repo_name
from hubtools.localhub.errors import ForbiddenError, UnauthorizedError

Role = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Access:
    """Who the local Hub takes its callers for, and what they may do.

    Without a `token`, every caller is `user` and may write to every namespace. With one, only
    requests that send it are, and they may write to the namespaces of the user and the orgs;
    requests with the `read_token` see what the user sees and change nothing. On a `read_only` Hub,
    every caller is anonymous: they see what is public and change nothing. Raises UsageError for
    names that no namespace can have.
    """

    user: str = "me"
    orgs: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    read_token: str | None = field(default=None, repr=False)
    read_only: bool = False

    def __post_init__(self) -> None:
        for name in (self.user, *self.orgs):
            check_repo_name(name)

    def role(self, authorization: str | None) -> Role | None:
        """What a request with this Authorization header may do; None if it is anonymous.

        Raises UnauthorizedError for a header with anything but one of the tokens.
        """
        if self.read_only:
            return None
        if self.token is None:
            return "write"
        if authorization is None:
            return None
        given = authorization.removeprefix("Bearer ").strip()
        if _same(given, self.token):
            return "write"
        if self.read_token is not None and _same(given, self.read_token):
            return "read"
        raise UnauthorizedError("Invalid credentials in Authorization header")

    def check_write(self, namespace: str) -> None:
        """Raises ForbiddenError unless the signed-in user may write to the namespace."""
        allowed = (self.user, *self.orgs)
        if self.token is not None and namespace.lower() not in (a.lower() for a in allowed):
            raise ForbiddenError(
                f"{self.user} cannot write to the namespace {namespace!r}",
                fix=f"Use one of: {', '.join(allowed)}",
            )


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


OPEN = Access()
