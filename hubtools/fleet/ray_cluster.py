"""A Ray cluster: on this machine for one run, or one that is already running.

Import this module after `prepare_ray`.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray

from hubtools.core.errors import HubtoolsError
from hubtools.core.parallel import cores

_OBJECT_STORE = 100 << 20  # bytes; only jobs and results pass through it


@contextmanager
def ray_cluster(workers: int | None, address: str | None) -> Iterator[dict[str, float]]:
    """Connect to `address`, or start a cluster for `workers` that ends with the run.

    Yields the resources of the cluster. A cluster of our own writes nothing to the home folder,
    serves no page and reports to nobody. Raises HubtoolsError when Ray does not start.
    """
    with tempfile.TemporaryDirectory(prefix="hubtools-", ignore_cleanup_errors=True) as folder:
        try:
            _connect(address, folder, workers)
            yield ray.cluster_resources()  # type: ignore[no-untyped-call]
        finally:
            ray.shutdown()


def _connect(address: str | None, folder: str, workers: int | None) -> None:
    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {
            "num_cpus": max(cores(), workers or 1),
            "include_dashboard": False,
            "configure_logging": False,
            "object_store_memory": _OBJECT_STORE,
            "_temp_dir": folder,
        }
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **options)
    except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
        reason = " ".join(str(error).split())[:300]
        raise HubtoolsError(f"Ray did not start: {reason}", where=address) from error
