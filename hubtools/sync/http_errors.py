"""What a Hub answers when it does not do what it was asked, as our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hubtools.core.errors import AccessError, ConflictError, HubtoolsError, HubUnavailableError

_LOGIN = "Log in with `hf auth login`, or set HF_TOKEN to a token that may write there"
_HIDDEN = "[token]"
_AGAIN = "Nothing is lost: run the same command again"
_FOR_NOW = frozenset({408, 425, 429, 500, 502, 503, 504})


@contextmanager
def asking(where: str) -> Iterator[None]:
    """Turn the client's errors about `where`, a repository or a Hub, into ours.

    401 and 403 are AccessError; 408, 429, 5xx and broken connections HubUnavailableError; 409
    and 412 ConflictError; the rest is a HubtoolsError with the Hub's own words.
    """
    from huggingface_hub import errors
    from huggingface_hub.utils import httpx

    try:
        yield
    except errors.LocalTokenNotFoundError as error:
        raise AccessError("not logged in", where=where, fix=_LOGIN) from error
    except errors.OIDCError as error:
        what = f"trusted publishing is not possible: {error}"
        raise AccessError(what, where=where) from error
    except errors.HfHubHTTPError as error:
        raise _answered(error, where) from error
    except (httpx.HTTPError, ConnectionError, TimeoutError) as error:
        what = f"cannot be reached ({type(error).__name__})"
        raise HubUnavailableError(what, where=where, fix=_AGAIN) from error


def _answered(error: Exception, where: str) -> HubtoolsError:
    response = getattr(error, "response", None)
    status: int = getattr(response, "status_code", 0)
    token = _token_of(response)
    said = (getattr(error, "server_message", None) or f"HTTP {status}").replace(token, _HIDDEN)
    error.args = tuple(str(part).replace(token, _HIDDEN) for part in error.args)  # for tracebacks
    if status in (401, 403):
        return AccessError(f"not allowed: {said}", where=where, fix=_LOGIN)
    if status in _FOR_NOW:
        return HubUnavailableError(f"does not answer for now: {said}", where=where, fix=_AGAIN)
    if status in (409, 412):
        return ConflictError(
            f"changed on the Hub meanwhile: {said}", where=where, fix="Run again to look anew"
        )
    return HubtoolsError(f"refused: {said}", where=where)


def _token_of(response: Any) -> str:
    """The token that was sent, which a Hub or a proxy may say back to us."""
    request = getattr(response, "request", None)
    sent: str = request.headers.get("authorization", "") if request is not None else ""
    return sent.removeprefix("Bearer ").strip() or _HIDDEN
