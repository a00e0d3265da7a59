"""Ray on this machine alone, or one that runs already."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from hubtools.core.errors import HubtoolsError, MissingExtraError

_STORE = 100 << 20  # bytes of Ray's object store: what passes through it is small


def require_ray() -> None:
    """Raises MissingExtraError when Ray is not installed."""
    if find_spec("ray") is None:  # it reads the environment when it is imported
        raise MissingExtraError("fleet", "more than one worker")


@contextmanager
def ray_cluster(workers: int | None, address: str | None) -> Iterator[None]:
    """A cluster with room for `workers` on this machine that ends with the run, or `address`.

    Nothing is written to the home folder, no page is served, nothing is reported to anybody, and
    a cluster of our own answers only who has a token that no file holds. Raises HubtoolsError
    when Ray does not start.
    """
    require_ray()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    own = None
    if address is None:
        own = tempfile.mkdtemp(prefix="hubtools-")
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray

    try:
        _connect(address, own, workers)
        yield
    finally:
        ray.shutdown()
        if own is not None:
            shutil.rmtree(own, ignore_errors=True)


def _connect(address: str | None, own: str | None, workers: int | None) -> None:
    import ray

    try:
        if address is not None:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
            return
        ray.init(
            num_cpus=max(len(os.sched_getaffinity(0)), workers or 1),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            configure_logging=False,
            object_store_memory=_STORE,
            _temp_dir=own,
        )
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        raise HubtoolsError(
            f"Ray does not start: {' '.join(str(error).split())[:300]}", where=address
        ) from error
