"""Repository names: what a Hub takes, and what handles become."""

from __future__ import annotations

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from hubtools.core.errors import UsageError
from hubtools.core.repo_names import check_repo_name, repo_name


@pytest.mark.parametrize("name", ["a", "harbourlog", "A.b_c-d", "0x", "_x", "x" * 96, "a.b"])
def test_names_that_a_hub_takes(name: str) -> None:
    assert check_repo_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", "../x", "a/b", "a b", ".a", "-a", "a-", "a.", "a--b", "a..b", "x.git", "x" * 97, "ü",
     "a\n", "a\x00", "⚓"],
)  # fmt: skip
def test_names_that_no_hub_takes(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_repo_name(name)
    assert caught.value.what.startswith(repr(name[:60])) and caught.value.fix is not None


@given(st.text(st.sampled_from("aZ09-_./ ü\n"), max_size=8))
def test_the_client_takes_every_name_that_we_take(name: str) -> None:
    try:
        check_repo_name(name)
    except UsageError:
        return
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise AssertionError(name) from error


def test_handles_are_sorted_and_joined() -> None:
    assert repo_name(["Zoe", "ada_L"]) == "ada_l-zoe"


def test_what_a_hub_does_not_take_becomes_a_hyphen() -> None:
    assert repo_name(["nightferry@quays.example"]) == "nightferry-quays.example"
    assert repo_name(["Café ⚓ Log"]) == "cafe-log"


@pytest.mark.parametrize("handle", ["⚓", "../..", "---"])
def test_a_handle_without_a_usable_letter_asks_for_a_name(handle: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        repo_name([handle])


@given(st.lists(st.text(max_size=60), min_size=1, max_size=4))
def test_a_name_that_is_made_is_a_name_that_is_taken(handles: list[str]) -> None:
    try:
        name = repo_name(handles)
    except UsageError:
        return
    assert check_repo_name(name) == name
