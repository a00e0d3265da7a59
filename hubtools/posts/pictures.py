"""What may be shown as an avatar."""

from __future__ import annotations

_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF")


def is_picture(data: bytes) -> bool:
    """Whether these are the bytes of a JPEG, PNG, GIF or WebP picture."""
    return data.startswith(_STARTS)
