"""Optional parts of the installation, the extras: `train`, `fleet`, `demo` and others."""

from __future__ import annotations

from importlib.util import find_spec

from hubtools.core.errors import MissingExtraError


def require_extra(extra: str, purpose: str, *modules: str) -> None:
    """Check that `modules`, which `extra` installs, can be imported, without importing them.

    `purpose` names what needs them, such as "Training". Raises MissingExtraError.
    """
    if not all(map(_is_installed, modules)):
        raise MissingExtraError(extra, purpose)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # sys.modules holds None: someone has blocked the import
        return False
