"""The demo as a Space: the files that it needs, and how they get to the Hub."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from hubtools.cards.names import check_repo_name
from hubtools.cards.yaml_emitter import dump_yaml
from hubtools.demo.settings import Settings
from hubtools.errors import ConflictError, UsageError
from hubtools.files import write_atomically
from hubtools.sync.answers import asking
from hubtools.sync.target import HUGGING_FACE
from hubtools.templating import template_root

if TYPE_CHECKING:
    from huggingface_hub import HfApi
