from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from hubtools.core.errors import HubtoolsError

GOLDEN = Path(__file__).with_name("errors.yaml")
Golden = Callable[[HubtoolsError], None]


@pytest.fixture
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Golden]:
    """Compares an error's text with `errors.yaml`, which has the wording of all of them.

    `pytest --force-regen` writes the file. Reasons that a library words are left out.
    """
    found: list[str] = []

    def check(error: HubtoolsError) -> None:
        assert error.where
        assert error.fix
        text = re.sub(r"127\.0\.0\.1:\d{4,}", "SERVER", str(error).replace(str(tmp_path), "TMP"))
        text = re.sub(r"(not valid (?:JSON|CSV)): (?!ends)[^.]*", r"\1: REASON", text)
        found.append(re.sub(r"(damaged \w+|DAG-CBOR) \(.*\)", r"\1 (REASON)", text))

    yield check
    everything = yaml.safe_load(GOLDEN.read_text()) if GOLDEN.is_file() else {}
    file = everything.setdefault(request.path.stem, {})
    name = ascii(request.node.name)[1:-1]
    if request.config.getoption("force_regen"):
        file[name] = found
        GOLDEN.write_text(yaml.safe_dump(everything, allow_unicode=True, width=100))
    assert file.get(name) == found
