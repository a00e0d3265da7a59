"""Optional parts: found without being imported, and named where they are missing."""

from __future__ import annotations

import sys

import pytest

from hubtools.core.errors import MissingExtraError
from hubtools.core.extras import require_extra


def test_what_is_installed_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    require_extra("train", "Training", "json", "this")
    assert "this" not in sys.modules


@pytest.mark.parametrize("blocked", [False, True])
def test_what_is_missing_names_its_extra(blocked: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if blocked:
        monkeypatch.setitem(sys.modules, "no_such_library", None)
    with pytest.raises(MissingExtraError) as caught:
        require_extra("train", "Training", "json", "no_such_library")
    assert caught.value.extra == "train"
    assert "[train]" in (caught.value.fix or "")
