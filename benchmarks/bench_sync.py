"""A fleet kept in sync: requests and seconds of `apply`, and of what huggingface_hub offers.

    python benchmarks/bench_sync.py [--cards 10000] [--peers 50]

A local Hub serves a temporary folder in a process of its own; every way talks to it over HTTP. We
start with nothing there, then with nothing to do, with one card in a hundred changed, and with
nothing to do and nothing remembered. The peers do the same to a sample of the repositories:
`upload_folder` and `ModelCard.push_to_hub`, one after the other as they are used. Put TMPDIR on
/dev/shm to leave the disk out.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import describe

NAMESPACE = "me"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way of doing something to `models` models took."""

    what: str
    models: int
    requests: int
    seconds: float

    def __str__(self) -> str:
        each = self.requests / self.models
        return f"{self.what:<42} {self.requests:>7,} {each:>8.3f} {self.seconds:>8.1f}"


def main() -> None:
    """Measure and print; exits 1 when a step costs more requests than the project promises."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cards", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=50, help="repositories that a peer works on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, served(Path(folder) / "hub") as url:
        os.environ.update(HF_ENDPOINT=url, HF_TOKEN="any", HF_HUB_DISABLE_XET="1")
        os.environ["HF_HOME"] = f"{folder}/home"
        os.chdir(folder)
        print(describe("huggingface_hub", "starlette"))
        print(f"{'':<42} requests  a model  seconds")
        ours = list(measure(Path(folder), url, options.cards))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(f"peak memory of the client: {peak} MiB")
        for cost in peers(Path(folder), options.peers):
            print(cost)
    _check(ours, options.cards)


def measure(root: Path, url: str, cards: int) -> Iterator[Cost]:
    """Our own ways, in the order in which a fleet meets them."""
    write_cards(root / "cards", cards)
    changed = max(1, cards // 100)

    def change() -> None:
        for file in sorted((root / "cards").glob("*.toml"))[:changed]:
            file.write_text(file.read_text().replace('language = "en"', 'language = "nl"'))

    steps: list[tuple[str, Callable[[], object]]] = [
        (f"apply: {cards:,} to create", lambda: None),
        ("apply: nothing to do", lambda: None),
        (f"apply: {changed:,} changed", change),
        ("apply: nothing to do, nothing remembered", lambda: shutil.rmtree(root / ".hubtools")),
    ]
    for what, prepare in steps:
        prepare()
        cost = apply_all(what, root, url, cards)
        print(cost)
        yield cost


def apply_all(what: str, root: Path, url: str, cards: int) -> Cost:
    """One `hubtools apply` of all cards, without starting Python anew."""
    from hubtools.core.cancel import CancelToken
    from hubtools.core.config import Project
    from hubtools.core.events import Reporter
    from hubtools.services.apply import ApplyRequest, apply

    started = time.perf_counter()
    request = ApplyRequest(project=Project(root), to=url, namespace=NAMESPACE, max_changes="100%")
    done = apply(request, Reporter(), CancelToken())
    if done.failed or done.conflicts or done.left:
        raise SystemExit(f"{what}: {done}")
    return Cost(what, cards, done.requests, time.perf_counter() - started)


def peers(root: Path, models: int) -> Iterator[Cost]:
    """What huggingface_hub offers, for the first `models` repositories."""
    from huggingface_hub import HfApi, ModelCard

    api, sent = HfApi(), 0
    names = [file.stem for file in sorted((root / "cards").glob("*.toml"))[:models]]

    def upload_folder(name: str, text: str) -> None:
        folder = root / "folders" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "README.md").write_text(text, encoding="utf-8")
        api.upload_folder(repo_id=f"{NAMESPACE}/{name}", folder_path=folder)

    def push_to_hub(name: str, text: str) -> None:
        ModelCard(text).push_to_hub(f"{NAMESPACE}/{name}")

    texts = {name: api_text(name) for name in names}
    for way in (upload_folder, push_to_hub):
        for what, add in (("nothing to do", ""), ("changed", f"\nBy {way.__name__}.\n")):
            started = time.perf_counter()
            with counted() as requests:
                for name in names:
                    way(name, texts[name] + add)
                sent = len(requests)
            seconds = time.perf_counter() - started
            yield Cost(f"{way.__name__}: {what}, {models}", models, sent, seconds)
            texts = {name: text + add for name, text in texts.items()}


@contextmanager
def counted() -> Iterator[list[str]]:
    """A list that gets the method of every request of the client's."""
    from huggingface_hub.utils import get_session

    sent: list[str] = []
    hooks = get_session().event_hooks
    count = {"request": [*hooks["request"], lambda request: sent.append(request.method)]}
    get_session().event_hooks = {**hooks, **count}
    try:
        yield sent
    finally:
        get_session().event_hooks = hooks


def api_text(name: str) -> str:
    """The README that the Hub holds."""
    from huggingface_hub.utils import get_session

    url = f"{os.environ['HF_ENDPOINT']}/{NAMESPACE}/{name}/resolve/main/README.md"
    return str(get_session().get(url).text)


def write_cards(folder: Path, count: int) -> None:
    """Cards like those of the predecessor, each of an account of its own."""
    folder.mkdir()
    for number in range(count):
        name = f"model-{number:05}"
        (folder / f"{name}.toml").write_text(
            f'repo = "{name}"\nlanguage = "en"\nbase_model = "openai-community/gpt2"\n'
            f'prompt = "My dream is"\ntags = ["huggingtweets"]\n\n[[accounts]]\n'
            f'handle = "keeper{number}"\nname = "Keeper {number} ⚓"\nnetwork = "x"\n'
            "posts = { downloaded = 3250, reposts = 148, dropped = 507, kept = 2595 }\n",
            encoding="utf-8",
        )


@contextmanager
def served(root: Path) -> Iterator[str]:
    """The address of a local Hub in another process."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(str(root), there), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("stop")
        process.join()


def _serve(root: str, pipe: Connection) -> None:
    from hubtools.localhub.server import serving

    with serving(Path(root)) as url:
        pipe.send(url)
        pipe.recv()


def _check(ours: list[Cost], cards: int) -> None:
    """The promises: pages, one request a changed card, one read a repository."""
    pages, changed = -(-cards // 1000), max(1, cards // 100)
    allowed = [1 + 1 + 3 * cards, 1 + pages, 1 + pages + changed, 1 + pages + cards]
    # A connection that breaks costs a request more; one in a hundred would be too many.
    over = [c.what for c, most in zip(ours, allowed, strict=True) if c.requests > most * 1.01]
    if over:
        raise SystemExit(f"more requests than promised: {', '.join(over)}")


if __name__ == "__main__":
    main()
