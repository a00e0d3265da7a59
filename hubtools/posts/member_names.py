"""Names of members that an archive of posts has no reason to have."""

from __future__ import annotations

from pathlib import PurePosixPath


def climbs_out(name: str) -> bool:
    """Whether a member with this name would land outside the folder that it is unpacked to."""
    plain = name.replace("\\", "/")
    absolute = plain.startswith("/") or plain[1:2] == ":" or "\0" in plain
    return absolute or ".." in PurePosixPath(plain).parts
