"""The line that every benchmark prints above its numbers: machine and versions."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path


def describe(*packages: str) -> str:
    """The processor, the usable cores, Python, and the versions of `packages` (distributions)."""
    cores = len(os.sched_getaffinity(0))
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{_processor()}, {cores} cores, Python {platform.python_version()}, {versions}"


def _processor() -> str:
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
        return next(named, platform.machine())
