"""Names of repositories: what a Hub takes, and what an account's handle becomes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from hubtools.core.errors import UsageError

MAX_LENGTH = 96
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|_[A-Za-z0-9._-]*")


def check_repo_name(name: str) -> str:
    """`name` itself, when a Hub takes it as the name of a repository or a namespace.

    The rule is huggingface_hub's `validate_repo_id`: letters, digits, `-`, `_` and `.`, at most
    96 of them, no `--` or `..`, none of `-` and `.` at either end. Raises UsageError.
    """
    if (
        len(name) > MAX_LENGTH
        or not _NAME.fullmatch(name)
        or name.endswith((".git", "-", "."))
        or "--" in name
        or ".." in name
    ):
        raise UsageError(
            f"{name[:60]!r} is no name for a repository on the Hub",
            fix="Use letters, digits, '-', '_' and '.', at most 96, beginning and ending "
            "with a letter or digit, without '--' or '..'",
        )
    return name


def repo_name(handles: Sequence[str]) -> str:
    """The name of the model of these accounts: their handles in lower case, sorted, joined by '-'.

    A handle's characters that a Hub does not take become '-'. Raises UsageError when nothing
    usable is left.
    """
    joined = "-".join(sorted(_slug(handle) for handle in handles))
    return check_repo_name(joined[:MAX_LENGTH].strip("-."))


def _slug(handle: str) -> str:
    plain = unicodedata.normalize("NFKD", handle.casefold())
    ascii_only = "".join(c for c in plain if not unicodedata.combining(c))
    slug = re.sub(r"[^a-z0-9._]+|\.{2,}|-{2,}", "-", ascii_only).strip("-.")
    if not slug:
        raise UsageError(
            f"no name for a repository can be made of {handle!r}", fix="Give one with --name"
        )
    return slug
