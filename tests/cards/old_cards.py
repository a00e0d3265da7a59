"""Cards in the shapes that huggingtweets gave them, of accounts that never were.

The shapes are facts; the sentences between them are shortened, as far as a shape allows it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GITHUB = "https://github.com/borisdayma/huggingtweets"
LABELS = ("Tweets downloaded", "Retweets", "Short tweets", "Tweets kept")
PLACEHOLDERS = ("TWEETS_DL", "RETWEETS", "SHORT_TWEETS", "TWEETS_KEPT")


@dataclass(frozen=True)
class Old:
    """What an old card was filled in with."""

    names: tuple[str, ...] = ("Harbour Log ⚓",)
    handles: tuple[str, ...] = ("harbourlog",)
    counts: tuple[tuple[int, int, int, int], ...] = (
        (1510, 150, 120, 1240),
        (900, 10, 90, 800),
        (3200, 0, 7, 3193),
    )
    wandb: str = "https://wandb.ai/wandb/huggingtweets"

    @property
    def joined(self) -> str:
        return "-".join(sorted(self.handles))

    def avatar(self, position: int) -> str:
        return f"https://pbs.twimg.com/profile_images/{position}/p_400x400.jpg"

    def rows(self) -> list[tuple[str, list[str]]]:
        used = self.counts[: len(self.names)]
        return [(label, [str(c[i]) for c in used]) for i, label in enumerate(LABELS)]


def front(old: Old, extra: str = "") -> str:
    return (
        "---\nlanguage: en\n"
        f"thumbnail: https://www.huggingtweets.com/{old.joined}/1/predictions.png\n"
        f'tags:\n{extra}- huggingtweets\nwidget:\n- text: "My dream is"\n---\n\n'
    )


def one_picture(old: Old, colour: str = "") -> str:
    return (
        '<div>\n<div style="width: 132px; height:132px; background-size: cover; '
        f"background-image: url('{old.avatar(1)}')\">\n</div>\n"
        f'<div style="margin-top: 8px; font-weight: 800">{old.names[0]} 🤖 AI Bot </div>\n'
        f'<div style="font-size: 15px{colour}">@{old.handles[0]} bot</div>\n</div>\n\n'
    )


def greeting(verb: str) -> str:
    return (
        f"I was {verb} [huggingtweets]({GITHUB}).\n\n"
        f"Create your own bot with [the demo]({GITHUB}-demo)!\n\n"
    )


def how(report: str) -> str:
    return (
        "## How does it work?\n\nThe model uses the pipeline.\n\n"
        f"![pipeline]({GITHUB}/pipeline.png?raw=true)\n\n"
        f"To understand it, check the [W&B report]({report}).\n\n## Training data\n\n"
    )


def trained(old: Old, tail: str = "") -> str:
    return (
        f"\n[Explore the data]({old.wandb}/runs/data1/artifacts), which is tracked with "
        "[W&B artifacts](https://docs.wandb.com/artifacts) at every step.\n\n"
        "## Training procedure\n\nThe model is based on [GPT-2](https://huggingface.co/gpt2) "
        f"which is fine-tuned on @{old.joined}'s tweets{tail}.\n\n"
        f"Hyperparameters and metrics are in the [W&B training run]({old.wandb}/runs/train1).\n\n"
        f"At the end of training, [the final model]({old.wandb}/runs/train1/artifacts) "
        "is logged.\n\n"
    )


def example(old: Old, prompt: str = "") -> str:
    return (
        "### How to use\n\nYou can use this model directly, so:\n\n```python\n"
        f"{prompt}from transformers import pipeline\n"
        f"{prompt}generator = pipeline('text-generation',\n"
        f"                     model='huggingtweets/{old.joined}')\n"
        f'{prompt}generator("My dream is", num_return_sequences=5)\n```\n\n'
    )


def coloured_example(old: Old) -> str:
    plain = (
        "{from} transformers {import} pipeline\ngenerator = pipeline({'text-generation'},\n"
        f"                     model={{'huggingtweets/{old.joined}'}})\n"
        'generator({"My dream is"}, num_return_sequences={5})'
    )
    coloured = plain.replace("{", '<span style="color:#03A9F4">').replace("}", "</span>")
    return f"### How to use\n\n<pre><code>{coloured}</code></pre>\n\n"


def about() -> str:
    return (
        "## Limitations and bias\n\n"
        "The model suffers from [those of GPT-2](https://huggingface.co/gpt2#bias).\n\n"
        "In addition, the data present in the tweets matters.\n\n"
        "## About\n\n*Built by Boris Dayma*\n\n"
        "[![Follow](https://img.example/follow)](https://twitter.com/intent/follow)\n\n"
        "For more details, visit the project repository.\n\n"
        f"[![GitHub stars](https://img.example/stars)]({GITHUB})\n"
    )


def of_one(old: Old) -> str:
    return (
        f"The model was trained on [@{old.joined}'s tweets](https://twitter.com/{old.joined}).\n\n"
    )


def july_2020(old: Old) -> str:
    """The first: another greeting, `>>>`, a padded table, four epochs, an explorer."""
    rows = "".join(f"| {label:<17} | {cells[0]:<12} |\n" for label, cells in old.rows())
    explorer = (
        f'<a href="https://huggingface.co/exbert/?model=huggingtweets/{old.joined}&layer=11">\n'
        '\t<img width="300px" src="https://hf-dinosaur.huggingface.co/exbert/button.png">\n</a>\n'
    )
    return (
        front(old, "- exbert\n")
        + one_picture(old, "; color: #657786")
        + greeting("created by")
        + explorer
        + example(old, ">>> ")
        + how("https://bit.ly/report")
        + of_one(old)
        + f"| Data              | Quantity     |\n|-------------------|--------------|\n{rows}"
        + trained(old, " for 4 epochs")
        + about()
    )


def december_2020(old: Old) -> str:
    """A style sheet, sections, an HTML table and coloured code."""
    rows = "".join(
        f"<tr style='border-width:0'>\n<td style='border-width:0'>{label}</td>\n"
        f"<td style='border-width:0'>{cells[0]}</td>\n</tr>\n"
        for label, cells in old.rows()
    )
    table = (
        "<table style='border-width:0'>\n<thead style='border-width:0'>\n<tr>\n<th>Data</th>\n"
        f"<th>Quantity</th>\n</tr>\n</thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )
    style = (
        '<link rel="stylesheet" href="https://unpkg.com/@tailwindcss/typography.css">\n\n<style>\n'
        "@media (prefers-color-scheme: dark) {\n  .prose { color: #E2E8F0; }\n}\n"
        "</style>\n\n"
    )
    return (
        front(old)
        + f"{style}<section class='prose'>\n\n"
        + one_picture(old, "; color: #657786")
        + greeting("made with")
        + how("https://app.wandb.ai/wandb/huggingtweets/reports/report1")
        + of_one(old)
        + table
        + trained(old)
        + "## Intended uses & limitations\n\n"
        + coloured_example(old)
        + about()
        + "\n</section>\n\n<!--- random size file xxxx -->"
    )


def march_2021(old: Old) -> str:
    """Plain Markdown."""
    rows = "".join(f"| {label} | {cells[0]} |\n" for label, cells in old.rows())
    return (
        front(old)
        + one_picture(old)
        + greeting("made with")
        + how(f"{old.wandb}/reports/report1")
        + of_one(old)
        + f"| Data | Quantity |\n| --- | --- |\n{rows}"
        + trained(old)
        + example(old)
        + about()
    )


def may_2021(old: Old) -> str:
    """One to three accounts, circles, a column for each account."""
    cells = "".join(
        '        <div\n\t\t\tstyle="display:inherit; width: 92px; border-radius: 50%; '
        f'background-image: url(&#39;{old.avatar(i)}&#39;)">\n        </div>\n'
        for i in range(1, len(old.names) + 1)
    )
    cells += (
        '        <div\n            style="display:none; background-image: url(&#39;&#39;)">\n'
        "        </div>\n"
    ) * (3 - len(old.names))
    bot = "BOT" if len(old.names) == 1 else "CYBORG"
    in_text = _filled(" & ".join(old.names).replace("BOT", bot), old)
    in_table = _filled(" | ".join(old.names), old)
    rows = "".join(f"| {label} | {' | '.join(cells)} |\n" for label, cells in old.rows())
    return (
        front(old)
        + '<div class="inline-flex flex-col" style="line-height: 1.5;">\n    <div class="flex">\n'
        + f"{cells}    </div>\n"
        + f'    <div style="text-align: center; font-weight: 800">🤖 AI {bot} 🤖</div>\n'
        + f'    <div style="text-align: center; font-weight: 800">{in_text}</div>\n'
        + f'    <div style="text-align: center; font-size: 14px;">@{old.joined}</div>\n</div>\n\n'
        + greeting("made with")
        + how(f"{old.wandb}/reports/report1")
        + f"The model was trained on tweets from {in_text}.\n\n"
        + f"| Data | {in_table} |\n| --- | {' | '.join(['---'] * len(old.names))} |\n{rows}"
        + trained(old)
        + example(old)
        + about()
    )


def _filled(text: str, old: Old) -> str:
    """The placeholders in a name were filled in as those of the template were."""
    for word, (_, cells) in zip(PLACEHOLDERS, old.rows(), strict=True):
        text = text.replace(word, " | ".join(cells)) if len(cells) > 1 else text
    return text


GENERATIONS = (july_2020, december_2020, march_2021, may_2021)


def misread(text: str, encoding: str) -> str:
    """The UTF-8 of `text` read in another encoding; undefined bytes become controls."""
    if encoding == "mac_roman":
        return text.encode().decode("mac_roman")
    return "".join(_windows(byte) for byte in text.encode())


def _windows(byte: int) -> str:
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


def all_of(names: Sequence[str]) -> Old:
    """An old card of accounts with these names."""
    handles = ("zoetrope", "ann_1", "mid")[: len(names)]
    return Old(names=tuple(names), handles=handles)
