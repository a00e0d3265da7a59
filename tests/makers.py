"""What tests of the whole way need: an archive, a recipe that trains in seconds, a command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.training.makers import posts

TINY_RECIPE = """
learning_rate = 3e-3
epochs = {epochs}
tokens_per_step = 512
warmup_ratio = 0.1
weight_decay = 0.1
dropout = 0.1
max_grad_norm = 1.0
betas = [0.9, 0.98]

[scratch]
vocab_size = 400
context_length = 96
n_layer = 2
n_embd = 32
n_head = 2
"""


def write_recipe(file: Path, epochs: int = 2) -> Path:
    file.write_text(TINY_RECIPE.format(epochs=epochs))
    return file


def write_archive(
    file: Path,
    texts: Sequence[str] | None = None,
    handle: str = "fogwatch",
    name: str = "Fog Watch 🌫️",
) -> Path:
    """A zip in the layout of X's archives since 2022."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    tweets = [
        {
            "tweet": {
                "id_str": str(1000 + number),
                "full_text": text.replace("&", "&amp;").replace("<", "&lt;"),
                "created_at": (start + timedelta(hours=number)).strftime(
                    "%a %b %d %H:%M:%S +0000 %Y"
                ),
            }
        }
        for number, text in enumerate(texts if texts is not None else posts(300))
    ]
    account = [{"account": {"username": handle, "accountDisplayName": name}}]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data/tweets.js", f"window.YTD.tweets.part0 = {json.dumps(tweets)}")
        archive.writestr("data/account.js", f"window.YTD.account.part0 = {json.dumps(account)}")
    return file


def command(
    *arguments: str | Path, cwd: Path, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """`hubtools` run as people run it, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hubtools", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
