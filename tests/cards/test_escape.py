"""Text from outside stays text, wherever it stands on a card."""

from __future__ import annotations

import html
import unicodedata

import cmarkgfm
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from hubtools.cards import escape
from tests.cards.samples import HOSTILE_TEXTS

UNSAFE = cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE
MARKDOWN = MarkdownIt("gfm-like", {"html": True})


def shown(markdown: str) -> str:
    """What a reader sees of a paragraph that must hold nothing but text."""
    page = MARKDOWN.render(markdown)
    assert page.startswith("<p>"), page
    assert page.rstrip().endswith("</p>"), page
    inner = page.strip().removeprefix("<p>").removesuffix("</p>").replace("<!-- -->", "")
    assert "<" not in inner, page
    return html.unescape(inner)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_markdown_shows_what_was_typed_and_nothing_else(text: str) -> None:
    assert shown(str(escape.markdown(text))) == escape.visible(text)


@given(st.text(max_size=60))
def test_markdown_never_becomes_an_element(text: str) -> None:
    seen = escape.visible(text)
    if seen:
        assert shown(str(escape.markdown(text))) == seen


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_table_cell_stays_one_cell(text: str) -> None:
    table = f"| a | {escape.markdown(text)} |\n| --- | --- |\n| 1 | {escape.markdown(text)} |\n"
    page = MARKDOWN.render(table)
    assert page.count("<th>") == 2
    assert page.count("<td>") == 2
    assert "<script" not in page
    assert "<img" not in page
    assert "<a " not in page


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_an_attribute_ends_where_we_end_it(text: str) -> None:
    value = str(escape.attribute(text))
    assert not set(value) & set("<>\"'`\n")
    assert html.unescape(value) == escape.visible(text)


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "http://plain.example",
        "//evil.example",
        "https://user@evil.example",
        "https://evil.example\\@good.example",
        "https://[::1",
        " vbscript:x",
        "https://",
        "",
    ],
)
def test_only_plain_https_is_an_address(address: str) -> None:
    assert escape.link(address) == ""


def test_an_address_cannot_leave_its_place() -> None:
    assert (
        escape.link('https://a.example/x\'); y (z) "q" <b>?a=1&b=ü')
        == "https://a.example/x%27%29;%20y%20%28z%29%20%22q%22%20%3Cb%3E?a=1&amp;b=%C3%BC"
    )


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_python_string_reads_back_as_the_text(text: str) -> None:
    literal = str(escape.python_string(text))
    assert "`" not in literal
    assert eval(literal) == escape.visible(text)


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_githubs_markdown_shows_the_same(text: str) -> None:
    page = cmarkgfm.github_flavored_markdown_to_html(f"x {escape.markdown(text)}", UNSAFE)
    inner = page.strip().removeprefix("<p>").removesuffix("</p>").replace("<!-- -->", "")
    assert "<" not in inner, page
    assert html.unescape(inner) == f"x {escape.visible(text)}".strip()


@given(st.text("ahtpsw:/.@-_<>&ev \u200b", max_size=30))
def test_no_address_becomes_a_link(text: str) -> None:
    written = f"x {escape.markdown(text)}"
    assert "<a" not in MARKDOWN.render(written)
    assert "<a" not in cmarkgfm.github_flavored_markdown_to_html(written, UNSAFE)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("hello@quiet.example", "<hello@quiet.example>"),
        ("https://quiet.example/a?b=1", "<https://quiet.example/a?b=1>"),
        ("the harbour master", "the harbour master"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("https://a.example/> <b>", "https<!-- -->&#58;&#47;/a&#46;example/&#62; &#60;b&#62;"),
        ("a@b.example> <b>", "a<!-- -->&#64;b&#46;example&#62; &#60;b&#62;"),
    ],
)
def test_a_contact_is_a_link_where_it_can_be(text: str, written: str) -> None:
    assert escape.contact(text) == written


def test_emoji_sequences_stay_whole() -> None:
    family = "👩‍👩‍👧 🏴󠁧󠁢󠁳󠁣󠁴󠁿 👍🏽 1️⃣ 🏳️‍🌈"
    assert escape.visible(family) == family


def test_joiners_that_join_nothing_go() -> None:
    assert escape.visible("\u200dAda\u200d") == "Ada"
    assert escape.visible("a\u200b\u2066b\u2069\ufeff") == "ab"


@given(st.text())
def test_what_is_visible_is_one_line_without_controls(text: str) -> None:
    line = escape.visible(text)
    assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cs")]
    assert line == line.strip()
