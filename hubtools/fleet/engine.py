"""Where the workers of a fleet run: in this process, or in Ray."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from hubtools.core.errors import MissingExtraError
from hubtools.core.events import Reporter
from hubtools.core.parallel import cores
from hubtools.fleet.jobs import WorkerOptions
from hubtools.fleet.ray_environment import prepare_ray, require_ray
from hubtools.fleet.worker import FleetWorker

if TYPE_CHECKING:
    from hubtools.fleet.ray_engine import RayEngine


@contextmanager
def open_engine(
    workers: int | None, address: str | None, jobs: int, options: WorkerOptions, reporter: Reporter
) -> Iterator[FleetWorker | RayEngine]:
    """The engine for so many jobs: Ray at `address`, or on this machine where it helps.

    `workers` 0 means this process, None as many as there are GPUs or else cores.
    """
    if address is None:
        if workers is None:
            workers = min(_useful_workers(reporter), jobs)
        if workers == 0 or jobs <= 1:
            yield FleetWorker(options)
            return
    prepare_ray(address)
    from hubtools.fleet.ray_engine import ray_engine

    with ray_engine(workers and min(workers, jobs), address, options, reporter) as engine:
        yield engine


def _useful_workers(reporter: Reporter) -> int:
    """How many workers this machine can keep busy; 0 means that it needs none beside itself."""
    count = torch.cuda.device_count() or cores()
    if count <= 1:
        return 0
    try:
        require_ray()
    except MissingExtraError as error:
        reporter.note(f"Training one model at a time: {error}")
        return 0
    return count
