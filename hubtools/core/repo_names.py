"""Repository names: which are valid on a Hub, and which a model of some accounts gets."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from hubtools.core.errors import UsageError

MAX_LENGTH = 96
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?|_[A-Za-z0-9._-]*")


def check_repo_name(name: str) -> str:
    """`name` itself, if it is valid for a repository or a namespace.

    The rule is huggingface_hub's `validate_repo_id`: at most 96 letters, digits, `-`, `_` and `.`,
    without `--` or `..`, and without `-` or `.` at either end. Raises UsageError.
    """
    if (
        len(name) > MAX_LENGTH
        or not _NAME.fullmatch(name)
        or name.endswith((".git", "-", "."))
        or "--" in name
        or ".." in name
    ):
        raise UsageError(
            f"{name[:60]!r} is not a valid repository name",
            fix="Use at most 96 letters, digits, '-', '_' and '.', start and end with a letter "
            "or digit, and avoid '--' and '..'",
        )
    return name


def repo_name(handles: Sequence[str]) -> str:
    """The name for a model of these accounts: their handles in lower case, sorted, joined by '-'.

    Characters that are not valid in a name become '-'. Raises UsageError when nothing is left.
    """
    joined = "-".join(sorted(_slug(handle) for handle in handles))
    return check_repo_name(joined[:MAX_LENGTH].strip("-."))


def _slug(handle: str) -> str:
    plain = unicodedata.normalize("NFKD", handle.casefold())
    ascii_only = "".join(c for c in plain if not unicodedata.combining(c))
    slug = re.sub(r"[^a-z0-9._]+|\.{2,}|-{2,}", "-", ascii_only).strip("-.")
    if not slug:
        raise UsageError(
            f"cannot derive a repository name from {handle!r}", fix="Choose one with --name"
        )
    return slug
