"""A small pre-trained model to fine-tune in benchmarks, made here from public text at hand.

It has GPT-2's architecture, two layers of width 128. Its text are the docstrings of Python and of
the packages that the project's own environment holds: public, the same wherever the versions are,
and nothing of it was written by an account that a benchmark scores.

    python benchmarks/proxy.py FOLDER      make it (five minutes on a core), unless it is there
"""

from __future__ import annotations

import ast
import random
import re
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from hubtools.training.base import quiet_transformers

PACKAGES = ("matplotlib", "networkx", "numpy", "sympy", "torch", "transformers")
CHARACTERS = 6_000_000
BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Shape:
    """Of the model and of its pre-training."""

    vocabulary: int = 2048
    layers: int = 2
    width: int = 128
    heads: int = 4
    blocks: int = 2
    """Of 1024 tokens, in one step."""
    steps: int = 1000
    learning_rate: float = 2e-3


def main() -> None:
    """Make the model in the folder that the command line names."""
    print(f"{proxy(Path(sys.argv[1]), Shape())} is there")


def proxy(folder: Path, shape: Shape) -> Path:
    """The folder of the pre-trained model, made now unless it holds one."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    from hubtools.training.base import train_tokenizer
    from hubtools.training.recipe import Scratch

    if (folder / "model.safetensors").is_file():
        return folder
    texts = list(docstrings())
    scratch = Scratch(
        vocab_size=shape.vocabulary,
        context_length=BLOCK,
        n_layer=shape.layers,
        n_embd=shape.width,
        n_head=shape.heads,
    )
    tokenizer = train_tokenizer(scratch, texts)
    end = tokenizer.eos_token_id
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_positions=BLOCK,
        n_layer=shape.layers,
        n_embd=shape.width,
        n_head=shape.heads,
        bos_token_id=end,
        eos_token_id=end,
        embd_pdrop=0.0,
        resid_pdrop=0.0,
        attn_pdrop=0.0,
    )
    model: Any = GPT2LMHeadModel(config)
    pretrain(model, stream(tokenizer, texts, end), shape)
    # Fine-tuning starts from GPT-2's own dropout, as it would with GPT-2.
    for key in ("embd_pdrop", "resid_pdrop", "attn_pdrop"):
        setattr(model.config, key, 0.1)
    with quiet_transformers():
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
    return folder


def docstrings() -> Iterator[str]:
    """Prose of about CHARACTERS characters, the same text never twice, in an order by chance."""
    paths = sysconfig.get_paths()
    standard = Path(paths["stdlib"])
    files = [f for f in standard.rglob("*.py") if "site-packages" not in f.parts]
    files += [f for name in PACKAGES for f in (Path(paths["purelib"]) / name).rglob("*.py")]
    files.sort(key=lambda file: file.parts[-4:])
    random.Random(0).shuffle(files)
    seen: set[str] = set()
    size = 0
    for file in files:
        for text in _docstrings(file):
            if text not in seen:
                seen.add(text)
                size += len(text)
                yield text
        if size > CHARACTERS:
            return


def _docstrings(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            paragraphs = re.split(r"\n\s*\n", ast.get_docstring(node) or "")
            prose = [" ".join(p.split()) for p in paragraphs]
            kept = [p for p in prose if len(p) > 60 and _letters(p) > 0.88 and ">>>" not in p]
            if kept:
                yield "\n\n".join(kept)


def _letters(text: str) -> float:
    return sum(char.isalpha() or char == " " for char in text) / len(text)


def stream(tokenizer: Any, texts: list[str], end: int) -> Any:
    """All texts as blocks [n, 1024], one text behind the other."""
    import torch

    ids = [token for row in tokenizer(texts)["input_ids"] for token in (end, *row)]
    count = len(ids) // BLOCK
    return torch.tensor(ids[: count * BLOCK]).view(count, BLOCK)


def pretrain(model: Any, blocks: Any, shape: Shape) -> None:
    """Plain AdamW over random blocks, a short warm-up, then down to zero in a line."""
    import torch

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=shape.learning_rate, weight_decay=0.1, betas=(0.9, 0.98), fused=True
    )
    order = torch.Generator().manual_seed(0)
    model.train()
    for step in range(shape.steps):
        rate = min((step + 1) / 50, 1.0) * (1 - step / shape.steps)
        for group in optimizer.param_groups:
            group["lr"] = shape.learning_rate * rate
        rows = blocks[torch.randint(len(blocks), (shape.blocks,), generator=order)]
        loss = model(input_ids=rows, labels=rows).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            print(f"pre-training step {step}: loss {loss.item():.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
