"""`hubtools fleet sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json, running
from hubtools.core.config import find_project
from hubtools.core.defaults import DEFAULT_BASE, DEFAULT_CLEANING, DEFAULT_SEED
