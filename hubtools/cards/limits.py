"""Limits on a card's contents: the Hub's where they are known, otherwise sensible ones."""

from __future__ import annotations

from hubtools.core.repo_names import MAX_LENGTH

REPO_PATTERN = r"^(?!.*(--|\.\.|\.git$))[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?$"
"""`core.repo_names.check_repo_name` for editors, without the length."""

LONGEST: dict[tuple[str, ...], int] = {
    ("repo",): MAX_LENGTH,
    ("base_model",): 2 * MAX_LENGTH + 1,
    ("prompt",): 500,
    ("tags", "*"): 100,
    ("thumbnail",): 2048,
    ("accounts", "*", "handle"): 320,
    ("accounts", "*", "name"): 200,
    ("accounts", "*", "avatar"): 2048,
    ("runs", "*", "url"): 2048,
    ("predictions", "*", "prompt"): 500,
    ("predictions", "*", "text"): 5000,
}
"""Characters in a string; `*` is any position in an array."""

MOST_TAGS = 100
FRONT_MATTER_BYTES = 1 << 20
"""The Hub refuses larger front matter; its exact limit is not documented."""
README_BYTES = 10 << 20
"""The Hub refuses larger files outside LFS."""
