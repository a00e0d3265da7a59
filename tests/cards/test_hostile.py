"""Hostile values on a card, as the readers of its page get them: two Markdowns and a browser."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import cmarkgfm
import pytest
from markdown_it import MarkdownIt

from hubtools.cards import escape
from hubtools.cards.card import Card, CardAccount, RunLink
from hubtools.cards.frontmatter import read_front_matter
from hubtools.cards.importing import import_readme
from hubtools.cards.render import CardRenderer
from hubtools.core.config import ProjectConfig
from hubtools.core.results import Prediction
from tests.cards.samples import COUNTS, HARBOUR, HOSTILE_TEXTS

RENDERER = CardRenderer("quiet-water", "https://huggingface.co", ProjectConfig(name="Quiet"))
GFM = ("table", "autolink", "strikethrough", "tagfilter")
UNSAFE = cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE
MORE_TEXTS = (
    "</script><script>fetch('https://evil.example/1')</script>",
    "<svg onload=alert(1)>",
    "</strong></p></div><iframe src=https://evil.example/2>",
    "<style>body{background:url(https://evil.example/3)}</style>",
    "--><script>document.title='owned'</script><!--",
    "<!-- hubtools card {} -->",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "![x](https://evil.example/4.png)",
    "<https://evil.example/5>",
    "[x]: https://evil.example/6 \"x\"",
    "https://evil.example/7) [y](https://evil.example/8",
    "ht\u200btps://evil.example/9",
    "mailto:me@evil.example xmpp:a@evil.example",
    "```\n<script>alert(1)</script>\n```",
    "~~~", "***", "___", "<details><summary>x", "<a href=javascript:alert(1)>x</a>",
    "\x00\x08\x1b[31mred\x7f", "\u2066\u202eevil\u2069", "a\u2028b\u2029c",
    "'; DROP TABLE cards; --", "%s %n ${x} $(x) `x`", "\\u003cscript\\u003e", "@mention #1 GH-1",
    "سجل | <b>الميناء</b>", "👩‍👩‍👧 <b>", "]] ]]> <?php ?> <!DOCTYPE x>", "\t\tcode",
    "    code", "1) x", "+ x",
)  # fmt: skip
TEXTS = (*HOSTILE_TEXTS, *MORE_TEXTS)
SHAPES = {"two": 2, "eight": 8}


def card_of(text: str, number: int = 2, address: str | None = None) -> Card:
    """A card that says `text` wherever a card says anything from outside, `address` for runs."""
    run = text if address is None else address
    account = CardAccount(handle=text, name=text, avatar=text, network="mastodon", posts=COUNTS)
    assert HARBOUR.training is not None
    return replace(
        HARBOUR,
        base_model=text,
        prompt=text,
        tags=(text,),
        accounts=(account,) * number,
        handles=(text,),
        runs=(RunLink(kind="dataset", url=run), RunLink(kind="report", url=run)),
        training=replace(HARBOUR.training, recipe=text),
        predictions=(Prediction(prompt=text, text=text),),
        metadata={"note": text, text or "empty": [text]},
    )


class Page(HTMLParser):
    """The elements, attributes and addresses of a page, and the text of its names."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.addresses: set[str] = set()
        self.names: list[str] = []
        self._in_name = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes.update(name for name, _ in attrs)
        self.addresses.update(value or "" for name, value in attrs if name in ("src", "href"))
        if tag == "bdi":
            self.names.append("")
            self._in_name = True

    def handle_endtag(self, tag: str) -> None:
        self._in_name = self._in_name and tag != "bdi"

    def handle_data(self, data: str) -> None:
        if self._in_name:
            self.names[-1] += data


def by_markdown_it(body: str) -> str:
    return MarkdownIt("gfm-like", {"html": True}).render(body)


def by_cmark_gfm(body: str) -> str:
    return str(cmarkgfm.markdown_to_html_with_extensions(body, UNSAFE, GFM))


@pytest.mark.parametrize("render", [by_markdown_it, by_cmark_gfm])
@pytest.mark.parametrize("number", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_page_has_nothing_of_the_attackers(text: str, number: int, render: object) -> None:
    assert callable(render)
    _, _, body = read_front_matter(RENDERER.render(card_of(text, number)))
    page = Page(render(body))
    plain = card_of("plain", number, "https://plain.example" if escape.link(text) else "plain")
    harmless = Page(render(read_front_matter(RENDERER.render(plain))[2]))
    optional = ("a", "img", "bdi")  # good addresses and right-to-left names have them
    assert [t for t in page.tags if t not in optional] == [
        t for t in harmless.tags if t not in optional
    ]
    allowed = {"href", "src", "alt", "width", "height", "style", "align", "class"}
    assert page.attributes <= allowed
    own = {None, "huggingface.co", "github.com", urlsplit(str(escape.link(text))).hostname}
    assert {urlsplit(address).hostname for address in page.addresses} <= own
    assert {urlsplit(address).scheme for address in page.addresses} <= {"", "https"}
    if number == 2:
        assert page.names[0] == escape.visible(text)


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_card_comes_back_from_its_page(text: str) -> None:
    card = card_of(text)
    assert import_readme(RENDERER.render(card)) == card


GOOD = "https://avatars.example/1.png"


@pytest.mark.parametrize("render", [by_markdown_it, by_cmark_gfm])
def test_a_browser_runs_nothing_and_loads_only_avatars(
    browser: object, render: object, tmp_path: Path
) -> None:
    from playwright.sync_api import Browser

    assert isinstance(browser, Browser)
    assert callable(render)
    page = browser.new_page()
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda message: said.append(message.text))
    page.route("https://**", lambda route: route.abort())
    for text in TEXTS:
        card = card_of(text)
        kept = replace(card.accounts[0], avatar=GOOD)
        _, _, body = read_front_matter(RENDERER.render(replace(card, accounts=(kept, kept))))
        file = tmp_path / "page.html"
        file.write_text(f"<!doctype html><meta charset=utf-8><title>card</title>{render(body)}")
        page.goto(file.as_uri(), wait_until="load")
        page.wait_for_function("document.title == 'card'", timeout=1000)
        seen = page.locator("bdi").first.evaluate("node => node.textContent")
        assert seen == escape.visible(text)
        for handler in page.evaluate(
            "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames())"
        ):
            assert not handler.startswith("on")
    local = {
        (tmp_path / name).as_uri() for name in ("page.html", "predictions.png", "pipeline.png")
    }
    foreign = {address for address in asked if address not in local}
    assert foreign == {GOOD}
    assert [line for line in said if "net::ERR" not in line] == []


def test_names_are_shown_as_typed_on_a_terminal_too() -> None:
    text = RENDERER.render(HARBOUR)
    assert "Harbour Log ⚓" in text
    assert html.unescape(text) == text or "&amp;" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
