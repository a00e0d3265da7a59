"""The example of docs/how-to/local-hub.md does what it says."""

from __future__ import annotations

import re

import pytest

from tests.conftest import REPOSITORY


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    text = (REPOSITORY / "docs/how-to/local-hub.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(code, {"__name__": "example"})
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["['me/poet']", "POST /api/repos/create 200 200"]
    assert "GET /api/models 200 200" in printed
