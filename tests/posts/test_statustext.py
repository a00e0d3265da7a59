from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.posts.formats.bluesky_facets import expand_links
from hubtools.posts.formats.html_text import html_to_text

SHORTENED = (
    '<a href="https://tide.example/tables/2024"><span class="invisible">https://</span>'
    '<span class="ellipsis">tide.example/tab</span><span class="invisible">les/2024</span></a>'
)
MENTION = (
    '<span class="h-card"><a href="https://sea.example/@gull" class="u-url mention">'
    "@<span>gull</span></a></span>"
)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One &amp; two</p>", "One & two"),
        ("<p>First<br>second<br />third</p><p>New</p>", "First\nsecond\nthird\n\nNew"),
        (f"<p>Read {SHORTENED} now</p>", "Read https://tide.example/tables/2024 now"),
        ('<p>Read <a href="https://a.example">my page</a></p>', "Read my page"),
        (f"<p>{MENTION} hello</p>", "@gull hello"),
        ('<p>Mine<span class="invisible">hidden</span> too</p>', "Mine too"),
        ('<p class="quote-inline">RE: <a href="https://a.example/1">x</a></p><p>So</p>', "So"),
        ("<p>Never <b>closed", "Never closed"),
        ("<p>a &lt;b&gt; &quot;c&quot; &#39;d&#39;</p>", "a <b> \"c\" 'd'"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<p>x <![ y", "x <![ y"),
        ("<p>a<!-- not <b>said -->b", "ab"),
        ("3 < 4 > 2 <3", "3 < 4 > 2 <3"),
        ("", ""),
        ("no markup", "no markup"),
        ("<script>bad()</script>fine", "fine"),
    ],
)
def test_a_status_is_what_its_author_typed(html: str, text: str) -> None:
    assert html_to_text(html) == text


@given(st.text(alphabet="<>/![]-&;abp\" ='\n", max_size=60))
def test_no_html_is_too_broken(html: str) -> None:
    html_to_text(html)


@pytest.mark.parametrize(
    "unit", ["<", "<!--", "<a ", "</", "<?", "<a href='", " ", "<p>", "<b x='"]
)
def test_a_hostile_status_takes_no_longer_than_its_length(unit: str) -> None:
    started = time.process_time()
    html_to_text("x" + unit * (200_000 // len(unit)) + "y")
    assert time.process_time() - started < 5


def link(start: object, end: object, uri: str) -> dict[str, object]:
    return {"index": {"byteStart": start, "byteEnd": end}, "features": [{"uri": uri}]}


def test_a_shortened_link_is_written_out_where_its_bytes_lie() -> None:
    text = "⚓ tide.example/ta... today"
    end = len("⚓ tide.example/ta...".encode())
    full = "https://tide.example/tables"
    assert expand_links(text, [link(4, end, full)]) == f"⚓ {full} today"


def test_the_names_of_the_python_sdk_are_known() -> None:
    facet = {
        "index": {"byte_start": 0, "byte_end": 6},
        "features": [{"py_type": "app.bsky.richtext.facet#link", "uri": "https://a.bc/x"}],
    }
    assert expand_links("a.bc/x", [facet]) == "https://a.bc/x"


def test_words_with_a_link_stay() -> None:
    assert expand_links("my page", [link(3, 7, "https://a.example")]) == "my page"


@pytest.mark.parametrize(
    "facets",
    [
        None,
        "text",
        [None, 3, {}],
        [link(1, 9, "https://a.bc")],  # in the middle of a character
        [link(4, 400, "https://a.bc")],
        [link("4", 8, "https://a.bc")],
        [link(8, 4, "https://a.bc")],
        [link(-4, 8, "https://a.bc")],
        [{"index": {"byteStart": 4, "byteEnd": 8}, "features": [{"tag": "x"}]}],
    ],
)
def test_a_facet_that_is_none_changes_nothing(facets: object) -> None:
    assert expand_links("⚓ a.bc", facets) == "⚓ a.bc"


def test_of_two_facets_on_the_same_bytes_the_first_counts() -> None:
    twice = [link(0, 4, "https://a.bc"), link(2, 4, "https://c.de")]
    assert expand_links("a.bc", twice) == "https://a.bc"
