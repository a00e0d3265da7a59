"""Reading an X archive of a million posts: posts a second and peak memory, beside `json.loads`.

    python benchmarks/bench_posts.py [--posts 1000000]

The archive is made up: a zip of `data/tweets.js` and its parts, with the fields and sizes that X
writes. Each way of reading runs in a process of its own, so that the peak of its memory is its
own. The peer reads the same posts from JSON files outside a zip, all of them as one value a file,
and keeps them, as scripts for such archives do; it checks, cleans and hashes nothing.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import describe
from hubtools.posts.formats.container import ArchiveLimits
from hubtools.posts.registry import read_source

_PART = 100_000
_FLAT = 200
"""Megabytes that reading may take at its peak, however large the archive is."""


def main() -> None:
    """Measure and print; exits 1 when memory is not flat."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--read", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        measure(READERS[options.read], options.folder)
        return
    print(describe("hf-hubtools"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = write_archive(folder, options.posts)
        print(f"{options.posts:,} posts, {size / 1e6:,.0f} MB of JSON")
        for reader in READERS:
            results = in_own_process(reader, folder)
            rate = results["posts"] / results["seconds"]
            print(f"{reader:11} {rate:9,.0f} posts a second, {results['peak_mb']:7,.0f} MB at peak")
    if results["peak_mb"] > _FLAT:
        raise SystemExit(f"reading took more than the {_FLAT} MB that it may take")


def tweet(number: int) -> dict[str, Any]:
    """One post with the fields and about the size that X writes."""
    key = str(10**18 + number)
    return {
        "edit_info": {"initial": {"editTweetIds": [key], "editsRemaining": "5"}},
        "retweeted": False,
        "source": '<a href="https://mobile.twitter.com" rel="nofollow">Twitter Web App</a>',
        "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
        "display_text_range": ["0", "140"],
        "favorite_count": str(number % 97),
        "id_str": key,
        "truncated": False,
        "retweet_count": "0",
        "id": key,
        "created_at": "Thu May 23 16:56:38 +0000 2024",
        "favorited": False,
        "full_text": f"Lamp {number} is lit &amp; the harbour is quiet; " + "the tide turns " * 6,
        "lang": "en",
    }


def write_archive(folder: Path, posts: int) -> int:
    """The zip, and beside it the same posts as plain JSON; the bytes of that JSON."""
    size = 0
    with zipfile.ZipFile(
        folder / "archive.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1
    ) as zip_:
        for part, start in enumerate(range(0, posts, _PART)):
            numbers = range(start, min(start + _PART, posts))
            body = json.dumps([{"tweet": tweet(number)} for number in numbers], indent=1)
            (folder / f"part{part}.json").write_text(body, encoding="utf-8")
            suffix = f"-part{part}" if part else ""
            zip_.writestr(f"data/tweets{suffix}.js", f"window.YTD.tweets.part{part} = {body}")
            size += len(body)
    return size


def peer(folder: Path) -> int:
    """`json.loads` of each file whole, all of it kept."""
    files = sorted(folder.glob("part*.json"))
    return sum(map(len, [json.loads(file.read_text(encoding="utf-8")) for file in files]))


def ours(folder: Path) -> int:
    """The archive opened, and its posts gone through once."""
    found = read_source(str(folder / "archive.zip"), ArchiveLimits(total=64 << 30))
    return sum(1 for _ in found.posts)


READERS: dict[str, Callable[[Path], int]] = {"json.loads": peer, "hubtools": ours}


def measure(reader: Callable[[Path], int], folder: Path) -> None:
    """Print what one reader took, as JSON."""
    started = time.perf_counter()
    posts = reader(folder)
    took = time.perf_counter() - started
    print(json.dumps({"posts": posts, "seconds": took, "peak_mb": peak_memory()}))


def peak_memory() -> float:
    """Megabytes that this process has taken at its peak; `getrusage` would add its parent's."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def in_own_process(reader: str, folder: Path) -> dict[str, float]:
    """What `measure` prints in a new process."""
    command = [sys.executable, __file__, "--read", reader, "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
