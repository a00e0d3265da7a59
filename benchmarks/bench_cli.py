"""How long `hubtools --help` takes, beside `hf --help` of the same environment.

    python benchmarks/bench_cli.py

The commands take turns, so that what else the machine does falls on both; medians are compared.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import describe

ROUNDS = 15
LIMIT = 0.5


def seconds(command: Path) -> float:
    started = time.perf_counter()
    subprocess.run([command, "--help"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> int:
    """Print the table; 1 when ours takes more than half of theirs."""
    scripts = Path(sys.executable).parent
    ours, theirs = scripts / "hubtools", scripts / "hf"
    seconds(ours), seconds(theirs)  # the first start reads from the disk
    rounds = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    mine, peer = (statistics.median(column) for column in zip(*rounds, strict=True))
    print(describe("hf-hubtools", "typer", "huggingface_hub"))
    print(f"hubtools --help  {1000 * mine:4.0f} ms")
    print(f"hf --help        {1000 * peer:4.0f} ms")
    print(f"ratio            {mine / peer:.2f}   (at most {LIMIT})")
    return int(mine / peer > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
