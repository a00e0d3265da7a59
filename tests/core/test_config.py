"""hubtools.toml: found upwards, read exactly, mistakes named."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubtools.core.config import find_project
from hubtools.core.errors import ConfigError


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    project = find_project(tmp_path)
    assert project.root == tmp_path
    assert project.config.hub.to == "local:hub"
    assert project.models_folder == tmp_path / "models"


def test_the_nearest_file_wins(tmp_path: Path) -> None:
    inner = tmp_path / "a/b"
    inner.mkdir(parents=True)
    (tmp_path / "hubtools.toml").write_text('[hub]\nnamespace = "outer"\n')
    assert find_project(inner).config.hub.namespace == "outer"
    assert find_project(inner).cards_folder == tmp_path / "cards"
    (tmp_path / "a/hubtools.toml").write_text('models = "m"\n[hub]\nnamespace = "inner"\n')
    assert find_project(inner).config.hub.namespace == "inner"
    assert find_project(inner).models_folder == tmp_path / "a/m"


def test_pyproject_is_read_only_with_our_table(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.hubtools.hub]\nto = "hf"\n')
    (tmp_path / "a/pyproject.toml").write_text('[project]\nname = "other"\n')
    assert find_project(tmp_path / "a").config.hub.to == "hf"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[hub", "hubtools.toml: not valid TOML"),
        ('[hbu]\nto = "hf"', "unknown key 'hbu'. Did you mean 'hub'?"),
        ('[hub]\ntoken = "x"', "unknown key 'hub.token'"),
        ('[hub]\nprivate = "yes"', "hubtools.toml: hub.private: Expected bool, got str"),
        ("hub = 3", "hubtools.toml: hub: Expected object, got int"),
    ],
)
def test_a_mistake_names_file_and_key(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "hubtools.toml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        find_project(tmp_path)
    assert message in str(caught.value)
