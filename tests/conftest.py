"""What all tests share: no test reads the person's own Hub cache, token or configuration."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Before huggingface_hub is imported anywhere: it reads these once.
os.environ["HF_HOME"] = tempfile.mkdtemp(prefix="hubtools-hf-")
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_OFFLINE"] = "0"
for name in ("HF_TOKEN", "HF_ENDPOINT", "HUBTOOLS_TO", "HUBTOOLS_NAMESPACE"):
    os.environ.pop(name, None)

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real posts of other people, which do not belong to the project."""
    data = REPOSITORY.parent / "shared" / "data"
    if not data.is_dir():
        pytest.skip("needs ../shared/data")
    return data
