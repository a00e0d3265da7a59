"""Facts in the text of a huggingtweets card, whose template lines are recognized by patterns.

Each pattern matches exactly one line or block of lines; what no pattern matches was added by a
person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_ADDRESS = r"\((?:\S*?)\)"
_LINK = rf"\[[^\]\n]*\]{_ADDRESS}"
_DIV = r"[ \t]*<div\s[^>\n]*>"
_END = r"[ \t]*</div>[ \t]*\n"
_CODE_START = r"(?:```python[ \t]*\n|<pre><code>)"
_CODE_END = r"(?:\n```|</code></pre>)[ \t]*(?:\n|\Z)"
_LAST = r"\([^()\n]*,[ \t]*num_return_sequences=\d+\)"
_EXAMPLE = (
    rf"{_CODE_START}(?:>>> )?from transformers import pipeline(?:, set_seed)?\s*\n"
    rf"(?:>>> )?generator = pipeline\('text-generation',\s*model='(?P<model>[^'\n]+)'\)\s*\n"
    rf"(?:>>> )?generator{_LAST}{_CODE_END}"
)
_BLOCKS = (
    # One account: its picture, "NAME <robot> AI Bot", "@HANDLE bot".
    rf"<div>\s*<div\s(?P<pictures>[^>]*)>\s*</div>\s*{_DIV}(?P<names>[^\n]*) \S+ AI Bot[ \t]*{_END}"
    rf"{_DIV}@(?P<handles>[^\n]*) bot{_END}{_END}",
    # One to three: their pictures, "<robot> AI BOT <robot>", names, handles.
    rf'<div class="(?:inline-)?flex flex-col"[^>\n]*>(?P<pictures>(?:(?!AI (?:BOT|CYBORG)).)*?)'
    rf"{_DIV}\S+ AI (?:BOT|CYBORG) \S+{_END}"
    rf"{_DIV}(?P<names>[^\n]*){_END}{_DIV}@(?P<handles>[^\n]*){_END}(?:{_END})+",
    r"<style>\s*@media[^<]*\.prose[^<]*</style>[ \t]*\n",
    r'<a href="https://huggingface\.co/exbert/[^>\n]*>\s*<img[^>\n]*>\s*</a>[ \t]*(?:\n|\Z)',
    _EXAMPLE,
    _EXAMPLE,  # one version showed it in two ways
)
_HEADINGS = (
    "How does it work\\?|Training data|Training procedure|Intended uses & limitations"
    "|How to use|Limitations and bias|About"
)
_LINES = (
    rf"I was (?:made|created) (?:with|by) {_LINK}\.",
    rf"(?:Create|Make) your own bot [^.\[]*{_LINK}[.!]",
    r"The model uses [\w ]* pipeline\.",
    rf"!\[pipeline\]{_ADDRESS}",
    r"To understand [^.\[]*\[W&B report\]\((?P<report>\S+)\)\.",
    r"The model was trained on \[@(?P<handles>[^\s']+)'s tweets\]\(\S+\)\.",
    r"The model was trained on tweets from (?P<names>.*)\.",
    r"\|\s*Data\s*\|\s*Quantity\s*\|",
    r"\| Data \| (?P<header>.*) \|",
    r"\|(?:\s*-{3,}\s*\|)+",
    r"\|\s*Tweets downloaded\s*\|(?P<downloaded>(?:\s*\d+\s*\|)+)",
    r"\|\s*Retweets\s*\|(?P<reposts>(?:\s*\d+\s*\|)+)",
    r"\|\s*Short tweets\s*\|(?P<dropped>(?:\s*\d+\s*\|)+)",
    r"\|\s*Tweets kept\s*\|(?P<kept>(?:\s*\d+\s*\|)+)",
    rf"\[Explore the data\]\((?P<dataset>\S+?)\), which is tracked with {_LINK} [^.]*\.",
    rf"The model is based on [^.\[]*{_LINK} which is fine-tuned on @(?P<handles>\S+)'s tweets"
    r"(?: for (?P<epochs>\d+) epochs)?\.",
    r"Hyperparameters and metrics [^.\[]*\[W&B training run\]\((?P<training>\S+?)\)[^.]*\.",
    r"At the end of training, \[the final model\]\(\S+\) is logged[^.]*\.",
    rf"#{{2,4}} (?:{_HEADINGS})",
    r"You can use this model directly[^.:]*:",
    rf"The model suffers from {_LINK}\.",
    r"In addition, the data present in [^.]*\.",
    r"\*Built by Boris Dayma\*",
    rf"\[!\[(?:Follow|GitHub stars)\]{_ADDRESS}\]{_ADDRESS}",
    r"For more details, visit the project repository\.",
    r"</?section(?: class='prose')?>",
    r'<link rel="stylesheet" href="https://unpkg\.com/@tailwindcss/[^>]*>',
    r"<!--- random size file .* -->",
)
# Facts in sentences that somebody edited.
_ANYWHERE = (
    r"\[Explore the data\]\((?P<dataset>https?:[^\s()]+)\)",
    r"\[W&B training run\]\((?P<training>https?:[^\s()]+)\)",
    r"\[W&B report\]\((?P<report>https?:[^\s()]+)\)",
    r"model='(?P<model>[^'\n/]+/[^'\n/]+)'",
    r"fine-tuned on @(?P<handles>[\w-]+)'s tweets",
)
_ANYWHERE_PATTERNS = tuple(re.compile(pattern) for pattern in _ANYWHERE)
_BLOCK_PATTERNS = tuple(re.compile(pattern, re.DOTALL) for pattern in _BLOCKS)
_LINE_PATTERNS = tuple(re.compile(pattern) for pattern in _LINES)
_TABLE = re.compile(r"<table\b.*?</table>[ \t]*(?=\n|\Z)", re.DOTALL)
_ROW = re.compile(r"<tr\b[^>]*>(.*?)</tr>", re.DOTALL)
_CELL = re.compile(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", re.DOTALL)
_PRE = re.compile(r"<pre><code>.*?</code></pre>", re.DOTALL)
_SPAN = re.compile(r"</?span\b[^>]*>")
_PICTURE = re.compile(r"url\((?P<quote>&#39;|&quot;|['\"]?)(?P<url>[^>\n]*?)(?P=quote)\)")
_HIDDEN = re.compile(r"display:\s*none")


@dataclass(frozen=True, slots=True)
class LegacyFacts:
    """The facts of a card, each from its first mention, and the text that is not the template's."""

    facts: Mapping[str, str]
    avatars: tuple[str | None, ...]
    """In the order of the accounts; None for one without."""
    rest: str

    def columns(self, key: str) -> list[int]:
        return [int(cell) for cell in self.facts.get(key, "").split("|") if cell.strip()]


def read_facts(body: str) -> LegacyFacts:
    """The facts in the body of a huggingtweets card."""
    facts: dict[str, str] = {}
    text = _PRE.sub(lambda match: _SPAN.sub("", match[0]), body.strip("\n") + "\n")
    text = _TABLE.sub(lambda match: _as_markdown(match[0]), text)
    for pattern in _BLOCK_PATTERNS:
        match = pattern.search(text)
        if match:
            _keep(match, facts)
            text = f"{text[: match.start()]}\n{text[match.end() :]}"
    lines = []
    for line in text.splitlines():
        match = next((m for p in _LINE_PATTERNS if (m := p.fullmatch(line.strip()))), None)
        if match:
            _keep(match, facts)
        else:
            lines.append(line.rstrip())
    for pattern in _ANYWHERE_PATTERNS:
        match = pattern.search("\n".join(lines))
        if match:
            _keep(match, facts)
    rest = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return LegacyFacts(facts, tuple(_pictures(facts.get("pictures", ""))), rest)


def _keep(match: re.Match[str], facts: dict[str, str]) -> None:
    for key, value in match.groupdict().items():
        if value is not None:
            facts.setdefault(key, value)


def _as_markdown(table: str) -> str:
    rows = [_CELL.findall(row) for row in _ROW.findall(table)]
    if not rows or any("\n" in cell or "<" in cell for row in rows for cell in row):
        return table
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _pictures(text: str) -> Iterator[str | None]:
    for element in text.split("<div"):
        match = _PICTURE.search(element)
        if match and not _HIDDEN.search(element):
            yield match["url"] or None
