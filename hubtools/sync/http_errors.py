"""The client's errors as ours, with the exit code that fits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from huggingface_hub import errors
from huggingface_hub.utils import httpx

from hubtools.core.errors import AccessError, ConflictError, HubtoolsError, HubUnavailableError
from hubtools.sync.retry import RETRIED_STATUSES

LOGIN = "Run `hf auth login`, or set HF_TOKEN to a token with write access"
NETWORK_ERRORS = (httpx.TransportError, httpx.DecodingError, ConnectionError, TimeoutError)
"""What the client raises when no complete response came."""
RERUN = "Run the same command again to continue"
_HIDDEN = "[token]"


@contextmanager
def translated_errors(where: str) -> Iterator[None]:
    """Turn the client's errors about `where`, a repository or a Hub, into ours.

    401 and 403 are AccessError; 408, 429, 5xx and broken connections HubUnavailableError; 409
    and 412 ConflictError; the rest is a HubtoolsError with the Hub's own words.
    """
    try:
        yield
    except HubUnavailableError as error:
        error.where = error.where or where
        raise
    except errors.LocalTokenNotFoundError as error:
        raise AccessError("not logged in", where=where, fix=LOGIN) from error
    except errors.OIDCError as error:
        raise AccessError(f"trusted publishing failed: {error}", where=where) from error
    except errors.HfHubHTTPError as error:
        raise _translate(error, where) from error
    except NETWORK_ERRORS as error:
        raise unreachable(error, where) from error


def unreachable(error: Exception, where: str | None = None) -> HubUnavailableError:
    """The error for a Hub from which no response came."""
    what = f"cannot be reached ({type(error).__name__})"
    return HubUnavailableError(what, where=where, fix=RERUN)


def _translate(error: Exception, where: str) -> HubtoolsError:
    response = getattr(error, "response", None)
    status: int = getattr(response, "status_code", 0)
    message = redacted(getattr(error, "server_message", None) or f"HTTP {status}", response)
    error.args = tuple(redacted(str(part), response) for part in error.args)  # for tracebacks
    if status in (401, 403):
        return AccessError(f"access denied: {message}", where=where, fix=LOGIN)
    if status in RETRIED_STATUSES:
        return HubUnavailableError(f"the Hub is unavailable: {message}", where=where, fix=RERUN)
    if status in (409, 412):
        return ConflictError(
            f"changed on the Hub in the meantime: {message}", where=where, fix="Run again"
        )
    return HubtoolsError(f"the Hub refused the request: {message}", where=where)


def redacted(text: str, response: Any) -> str:
    """`text` without the token that was sent, which a Hub or a proxy may echo."""
    request = getattr(response, "request", None)
    sent: str = request.headers.get("authorization", "") if request is not None else ""
    return text.replace(sent.removeprefix("Bearer ").strip() or _HIDDEN, _HIDDEN)
