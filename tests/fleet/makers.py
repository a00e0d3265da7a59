"""Manifests of small accounts, and the processes that work on them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hubtools.core.cancel import CancelToken
from hubtools.core.config import Project
from hubtools.core.events import Reporter
from hubtools.fleet.run import FleetRequest, FleetResult, run_fleet
from tests.makers import write_archive
from tests.training.makers import posts

FAST = """
learning_rate = 3e-3
epochs = {epochs}
tokens_per_step = 2048
warmup_ratio = 0.1
weight_decay = 0.1
dropout = 0.1
max_grad_norm = 1.0
betas = [0.9, 0.98]

[scratch]
vocab_size = 300
context_length = 32
n_layer = 1
n_embd = 16
n_head = 1
"""
PLAIN = """
learning_rate = 1e-3
epochs = 3
tokens_per_step = 1024
warmup_ratio = 0.1
weight_decay = 0.1
dropout = 0.0
max_grad_norm = 1.0
betas = [0.9, 0.98]

[early_stopping]
val_fraction = 0.1
min_delta = 0.005
decay_ratio = 0.5
"""
LORA = """[lora]
rank = 4
alpha = 8
"""
HEAD = '[defaults]\nbase = "scratch"\nrecipe = "{recipe}"\n'


def write_accounts(folder: Path, count: int) -> None:
    for number in range(count):
        texts = posts(160, seed=number)
        write_archive(folder / f"a{number}.zip", texts, f"fog{number}", f"Fog {number} 🌫️")
    (folder / "fast.toml").write_text(FAST.format(epochs=1))
    (folder / "slow.toml").write_text(FAST.format(epochs=2000))


def write_manifest(file: Path, *rows: str, recipe: str = "fast.toml") -> Path:
    """Each row is what stands in its table."""
    tables = "".join(f"\n[[models]]\n{row}\n" for row in rows)
    file.write_text(HEAD.format(recipe=recipe) + tables)
    return file


def three(folder: Path, recipe: str = "fast.toml") -> Path:
    rows = [f'sources = "a{number}.zip"\nname = "m{number}"' for number in range(3)]
    return write_manifest(folder / "fleet.toml", *rows, recipe=recipe)


def go(manifest: Path, project: Project | None = None, **options: object) -> FleetResult:
    """Run a fleet in this process, to the local Hub in `hub`."""
    here = manifest.parent
    given = {"workers": 0, "to": f"local:{here / 'hub'}", **options}
    request = FleetRequest(
        project=project or Project(here),
        manifest=manifest,
        **given,  # type: ignore[arg-type]
    )
    return run_fleet(request, Reporter(), CancelToken())


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """`hubtools fleet run fleet.toml` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "hubtools", "fleet", "run", "fleet.toml", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
