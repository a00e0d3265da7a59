"""Cards to READMEs: ours in bulk, and `ModelCard.from_template` + `save` one by one.

    python benchmarks/bench_cards.py [--cards 10000] [--peers 200]

Both read nothing from a network and write into the same temporary folder. Ours reads each card's
TOML, with accounts, counts, training, evaluation and predictions; the peer is given its values as
they are, with the template that huggingface_hub ships, so that reading is on our side only.

Ours takes all cores, the peer one: on a busy machine compare the CPU time too. A folder from which
thousands of files were removed in the last minute is slow to write to on ext4.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hubtools.cards.bulk import render_all
from hubtools.cards.card import Card
from hubtools.cards.card_file import card_toml
from hubtools.cards.render import CardRenderer
from hubtools.core.results import PostCounts
from tests.cards.samples import CYBORG, HARBOUR


def main() -> None:
    """Measure and print; exits 1 when a ratio is below what the project promises."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cards", type=int, default=10_000)
    parser.add_argument("--peers", type=int, default=200, help="cards that the peer renders")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"{cores} cores, {platform.machine()}, Python {platform.python_version()}")
    print(", ".join(f"{name} {version(name)}" for name in ("huggingface_hub", "jinja2")))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = write_cards(root / "cards", options.cards)
        before = peer(root / "peer", options.peers // 2)
        cpu = cpu_seconds()
        first = ours(files, root / "out", cores or 1)
        cpu = (cpu_seconds() - cpu) / len(files)
        second = ours(files, root / "out", cores or 1)
        after = peer(root / "peer", options.peers // 2)
    theirs = statistics.median(before + after)
    print(f"from_template + save   {theirs * 1e6:9.0f} µs a card, median of {options.peers}")
    print(f"ours, first run        {first * 1e6:9.0f} µs a card, {options.cards:,} cards")
    print(f"ours, nothing changed  {second * 1e6:9.0f} µs a card")
    print(f"ours, first run, CPU   {cpu * 1e6:9.0f} µs a card, all processes together")
    print(f"first run: {theirs / first:.1f} times the peer (promised: 25)")
    print(f"second run: {first / second:.1f} times the first (promised: 3)")
    if theirs / first < 25 or first / second < 3:
        raise SystemExit(1)


def write_cards(folder: Path, count: int) -> list[Path]:
    """Cards of one and of two accounts in turn, each with names, numbers and texts of its own."""
    folder.mkdir()
    files = []
    for number in range(count):
        card = variant((HARBOUR, CYBORG)[number % 2], number)
        files.append(folder / f"{card.repo}.toml")
        files[-1].write_text(card_toml(card), encoding="utf-8")
    return files


def variant(card: Card, number: int) -> Card:
    """The card of another account."""
    counts = PostCounts(downloaded=3 * number + 60, reposts=number, dropped=60, kept=2 * number)
    return replace(
        card,
        repo=f"{card.repo}-{number:05}",
        prose=None,
        accounts=tuple(
            replace(a, handle=f"{a.handle}_{number}", name=f"{a.name} {number}", posts=counts)
            for a in card.accounts
        ),
        predictions=tuple(
            replace(p, text=f"{p.text} And {number} times again.") for p in card.predictions
        ),
    )


def cpu_seconds() -> float:
    """CPU time of this process and of those that it started and that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def ours(files: list[Path], out: Path, jobs: int) -> float:
    """Seconds a card."""
    renderer = CardRenderer("quiet-water", "https://huggingface.co")
    started = time.perf_counter()
    done = render_all(files, out, renderer, jobs=jobs)
    assert not done.failed
    return (time.perf_counter() - started) / len(files)


def peer(out: Path, count: int) -> list[float]:
    """Seconds of each of `count` cards."""
    took = []
    for number in range(count):
        card = variant((HARBOUR, CYBORG)[number % 2], number)
        started = time.perf_counter()
        peer_card(card, out / card.repo / "README.md")
        took.append(time.perf_counter() - started)
    return took


def peer_card(card: Card, file: Path) -> None:
    """What a user of huggingface_hub writes for one model."""
    from huggingface_hub import ModelCard, ModelCardData

    data = ModelCardData(
        language=list(card.language) if isinstance(card.language, tuple) else card.language,
        license=card.metadata.get("license"),
        library_name="transformers",
        pipeline_tag="text-generation",
        base_model=card.base_model,
        tags=list(card.tags),
        thumbnail=card.thumbnail,
        widget=[{"text": card.prompt}],
    )
    readme = ModelCard.from_template(
        data,
        model_id=card.repo,
        model_description=", ".join(account.name or "" for account in card.accounts),
        language=card.language,
        base_model=card.base_model,
        training_data=str([account.posts for account in card.accounts]),
        results=str(card.evaluation),
    )
    readme.save(file)


if __name__ == "__main__":
    main()
