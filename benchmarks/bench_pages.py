"""Pages of a local Hub with 10,000 models, beside the same Hub with 100 and a file of that size.

    python benchmarks/bench_pages.py [--models 10000]

All requests go over HTTP to a server in this process, one after the other on one connection. The
peer is the same server sending a file of the page's size; growth is what a hundred times as many
models cost. `--keep DIR` keeps the large Hub.
"""

from __future__ import annotations

import argparse
import http.client
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import describe
from hubtools.localhub.server import serving
from hubtools.localhub.store import Store
from hubtools.localhub.types import RepoId

FEW, ROUNDS = 100, 40
WORDS = (
    "harbour", "ferry", "gull", "lantern", "tide", "kettle", "fog", "rope", "anchor", "heron",
    "buoy", "pier", "lamp", "oar", "net",
)  # fmt: skip
README = """---
language: en
library_name: transformers
pipeline_tag: text-generation
tags:
- huggingtweets
- {first}
- {second}
widget:
- text: My dream is
  output:
    text: "My dream is to count the {first} and the {second} again."
---

# {name}

A model of the posts of {name}, who likes the {first} and the {second}.

| Data | {name} |
| --- | ---: |
| Posts downloaded | {number} |
| Posts kept | {number} |

```python
from transformers import pipeline

pipeline("text-generation", model="me/{name}")
```
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=int, default=10_000)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the large Hub in DIR")
    options = parser.parse_args()
    print(describe("starlette", "uvicorn", "jinja2", "markdown-it-py", "nh3"))
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", options.keep or Path(folder) / "many"
        fill(few, FEW)
        took = fill(many, options.models)
        print(f"made {options.models:,} models in {took:.0f} s")
        with serving(few) as small, serving(many) as large:
            compare(small, large, options.models)


def compare(small: str, large: str, models: int) -> None:
    """Print a line for each page: milliseconds with few and many models, and of the file."""
    last = -(-models // 24)
    pages = {
        "gallery": ("/", "/"),
        "gallery by name": ("/?sort=name", "/?sort=name"),
        "last page": ("/?page=5", f"/?page={last}"),
        "search, common": ("/?q=ferry", "/?q=ferry"),
        "search, nothing": ("/?q=zzz", "/?q=zzz"),
        "a tag": ("/?tag=anchor", "/?tag=anchor"),
        "model card": ("/me/m00042", "/me/m00042"),
        "files": ("/me/m00042/tree/main", "/me/m00042/tree/main"),
        "commit": ("/me/m00042/commit/main", "/me/m00042/commit/main"),
    }
    print(f"{'ms/page':18}{FEW:>9,}{models:>9,}  growth   file  page ÷ file")
    for name, (at_few, at_many) in pages.items():
        with Getter(small) as get_few, Getter(large) as get_many:
            size = get_many(at_many)
            file = f"/me/file/resolve/main/{min(2 ** max(10, size.bit_length()), 1 << 17)}.txt"
            times: dict[str, list[float]] = {"few": [], "many": [], "file": []}
            for _ in range(ROUNDS):
                times["few"].append(timed(get_few, at_few))
                times["many"].append(timed(get_many, at_many))
                times["file"].append(timed(get_many, file))
        a, b, c = (statistics.median(values) for values in times.values())
        print(f"{name:18}{a:9.1f}{b:9.1f}{b / a:8.1f}{c:7.1f}{b / c:13.1f}")


class Getter:
    """One connection to a server."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc)

    def __enter__(self) -> Getter:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def __call__(self, path: str) -> int:
        """The size in bytes of what stands at `path`."""
        self._connection.request("GET", path, headers={"Accept": "text/html"})
        response = self._connection.getresponse()
        body = response.read()
        assert response.status == 200, (path, response.status)
        return len(body)


def timed(get: Getter, path: str) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    get(path)
    return (time.perf_counter() - started) * 1e3


def fill(root: Path, count: int) -> float:
    """Make a Hub of `count` models with a card and a picture each; returns the seconds it took."""
    started = time.perf_counter()
    with closing(Store(root)) as store:
        store.create_many(models(count), author="me")
    return time.perf_counter() - started


def models(count: int) -> Iterator[tuple[RepoId, dict[str, bytes]]]:
    """A repository with files of many sizes, and `count` models."""
    yield RepoId("me", "file"), {f"{2**bits}.txt": b"x" * 2**bits for bits in range(10, 18)}
    choose = random.Random(1)
    picture = bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763"
        "f8cfc000000301010018dd8db00000000049454e44ae426082"
    )
    for number in range(count):
        name = f"m{number:05}"
        first, second = choose.sample(WORDS, 2)
        text = README.format(name=name, number=number, first=first, second=second)
        yield RepoId("me", name), {"README.md": text.encode(), "predictions.png": picture}


if __name__ == "__main__":
    main()
