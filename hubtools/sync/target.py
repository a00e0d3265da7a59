"""Where models are published: what `--to` says, as an address with a client for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from hubtools.core.errors import UsageError

if TYPE_CHECKING:
    from huggingface_hub import HfApi

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
        """Where others can read the files of a repository; a folder has no such address."""
        return None if self.kind == "local" else self.place

    def page(self, repo_id: str) -> str:
        """The address of a model's page; for a folder, where `hubtools hub serve` shows it."""
        return f"{LOCAL_PAGES if self.kind == 'local' else self.place}/{repo_id}"

    def __str__(self) -> str:
        return f"local:{self.place}" if self.kind == "local" else self.place


def parse_target(to: str, folder: Path) -> Target:
    """The target that `local:DIR`, `hf` or a URL means; a relative DIR starts from `folder`.

    Raises UsageError for anything else, and for a URL that would send a token in the clear.
    """
    if to == "hf":
        return Target("hf", HUGGING_FACE)
    if to.startswith("local:") and to != "local:":
        return Target("local", str(folder / Path(to.removeprefix("local:")).expanduser()))
    parts = urlsplit(to)
    if parts.scheme in ("http", "https") and parts.hostname:
        loopback = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.username or parts.password:
            raise UsageError("--to holds a user name or password", fix="Set HF_TOKEN instead")
        if parts.scheme == "http" and not loopback:
            raise UsageError(
                "--to is not encrypted, so the token could be read on the way",
                fix=f"Use https://{parts.netloc}",
            )
        return Target("url", to.rstrip("/"))
    raise UsageError(f"--to {to!r} is no target", fix="Give local:DIR, hf or the URL of a Hub")


@contextmanager
def connect(target: Target) -> Iterator[HfApi]:
    """A client of the target; a local folder is served on loopback meanwhile.

    Only a local Hub is asked without a token: it needs none, and gets none.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()
    if target.kind != "local":
        yield HfApi(endpoint=target.place, library_name="hubtools")
        return
    from hubtools.localhub.server import serving

    with serving(Path(target.place)) as endpoint:
        yield HfApi(endpoint=endpoint, token=False, library_name="hubtools")
