"""Where models are published: `--to` as an address, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from huggingface_hub import HfApi
from huggingface_hub.utils import logging

from hubtools.core.errors import UsageError

LOCAL_NAMESPACE = "me"
HUGGING_FACE = "https://huggingface.co"
LOCAL_PAGES = "http://127.0.0.1:7878"  # where `hubtools hub serve` listens by default


@dataclass(frozen=True, slots=True)
class Target:
    """A parsed `--to`."""

    kind: Literal["local", "hf", "url"]
    place: str
    """A folder for `local`, else the address of a Hub."""

    @property
    def files_url(self) -> str | None:
        """Where others read the files of a repository; None for a folder, which has no address."""
        return None if self.kind == "local" else self.place

    def page(self, repo_id: str) -> str:
        """The address of a model's page; for a folder, where `hubtools hub serve` shows it."""
        return f"{LOCAL_PAGES if self.kind == 'local' else self.place}/{repo_id}"

    def __str__(self) -> str:
        return f"local:{self.place}" if self.kind == "local" else self.place


def parse_target(to: str, folder: Path) -> Target:
    """The target that `local:DIR`, `hf` or a URL means; a relative DIR starts from `folder`.

    Raises UsageError for anything else, and for a URL that would send a token unencrypted.
    """
    if to == "hf":
        return Target("hf", HUGGING_FACE)
    if to.startswith("local:") and to != "local:":
        return Target("local", str(folder / Path(to.removeprefix("local:")).expanduser()))
    parts = urlsplit(to)
    if parts.scheme in ("http", "https") and parts.hostname:
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.username or parts.password:
            raise UsageError(
                "the URL contains a user name or password", where="--to", fix="Set HF_TOKEN instead"
            )
        if parts.scheme == "http" and not loopback:
            raise UsageError(
                "the connection is not encrypted, so others could read the token",
                where="--to",
                fix=f"Use https://{parts.netloc}",
            )
        return Target("url", to.rstrip("/"))
    raise UsageError(
        f"{to!r} is not a target", where="--to", fix="Use local:DIR, hf or the URL of a Hub"
    )


@contextmanager
def connect(target: Target) -> Iterator[HfApi]:
    """A client of the target; a local folder is served on loopback meanwhile.

    A local Hub needs no token, and gets none.
    """
    logging.set_verbosity_error()
    if target.kind != "local":
        yield HfApi(endpoint=target.place, library_name="hubtools")
        return
    from hubtools.localhub.server import serving  # a web server, for a local Hub alone

    with serving(Path(target.place)) as endpoint:
        yield HfApi(endpoint=endpoint, token=False, library_name="hubtools")
