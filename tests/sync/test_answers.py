"""What a Hub answers, as errors with the right exit code."""

from __future__ import annotations

import pytest
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import httpx

from hubtools.core.errors import AccessError, ConflictError, HubtoolsError, HubUnavailableError
from hubtools.sync.http_errors import translated_errors


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, HubtoolsError),
        (401, AccessError),
        (403, AccessError),
        (408, HubUnavailableError),
        (409, ConflictError),
        (412, ConflictError),
        (429, HubUnavailableError),
        (500, HubUnavailableError),
        (503, HubUnavailableError),
    ],
)
def test_a_status_is_an_error_of_ours(status: int, kind: type[HubtoolsError]) -> None:
    request = httpx.Request("POST", "https://hub.example/api", headers={"authorization": "secret"})
    response = httpx.Response(status, request=request, text="in the Hub's own words")
    with pytest.raises(HubtoolsError) as caught, translated_errors("acme/model"):
        raise HfHubHTTPError("said", response=response, server_message="in the Hub's own words")
    assert type(caught.value) is kind
    assert str(caught.value).startswith("acme/model: ")
    assert "in the Hub's own words" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), ConnectionResetError()]
)
def test_a_broken_connection_is_for_now(error: Exception) -> None:
    with pytest.raises(HubUnavailableError) as caught, translated_errors("hub"):
        raise error
    assert (caught.value.where, caught.value.fix is None) == ("hub", False)
