"""Whether a base can be found, before the libraries that load it are imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import errors, hf_hub_download
from safetensors import SafetensorError

from hubtools.core.errors import AccessError, HubUnavailableError, ModelError
from hubtools.training.recipe import SCRATCH


def check_base(name: str) -> None:
    """Raises what `make_base` would for a missing base, without loading it."""
    if name != SCRATCH:
        with translated_errors(name):
            find_base(name)


def find_base(name: str) -> str | None:
    """Fetch the one small file that every model has; the commit of a repository, None of a folder.

    Raises ModelError and what huggingface_hub does.
    """
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise ModelError("is not a model: the folder has no config.json", where=name)
        return None
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ModelError("model folder not found", where=name)
    return Path(hf_hub_download(name, "config.json")).parent.name


@contextmanager
def translated_errors(name: str) -> Iterator[None]:
    """Turn the libraries' errors for a model that cannot be loaded into ours."""
    fix = "Set --base to a causal language model: a repository on the Hub, a folder, or 'scratch'"
    try:
        yield
    except errors.GatedRepoError as error:
        raise AccessError(
            "the base model is gated", where=name, fix="Request access on its page, then log in"
        ) from error
    except (errors.RepositoryNotFoundError, errors.EntryNotFoundError) as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise HubUnavailableError(
                "the base model is not in the cache and the Hub cannot be reached",
                where=name,
                fix="Run again once it can, or use a folder or 'scratch'",
            ) from error
        raise ModelError("not found on the Hub", where=name, fix=fix) from error
    except errors.HFValidationError as error:
        raise ModelError("is neither a folder nor a repository id", where=name, fix=fix) from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = _known_reason(str(error))
        if reason:
            raise ModelError(reason, where=name, fix=fix) from error
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"cannot be loaded as a causal language model: {first}", where=name, fix=fix
        ) from error


def _known_reason(text: str) -> str | None:
    """A short reason for what we refuse, instead of transformers' long one."""
    if "trust_remote_code" in text:
        return "needs Python code of its own, which is never run"
    if "safetensors" in text and ("no file named" in text or "does not appear to have" in text):
        return "has no model.safetensors; weights in pickle files can run code and are never loaded"
    return None
