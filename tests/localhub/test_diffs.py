"""Diffs of texts, and the pages of commits that show them."""

from __future__ import annotations

import httpx2
from hypothesis import given
from hypothesis import strategies as st

from hubtools.localhub.diffs import diff_texts
from hubtools.localhub.store import Store
from tests.localhub.models import put

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "long line"]), max_size=30)


@given(LINES, LINES)
def test_the_rows_lead_from_the_old_text_to_the_new(old: list[str], new: list[str]) -> None:
    diff = diff_texts("\n".join([*old, ""]).encode(), "\n".join([*new, ""]).encode())
    assert diff is not None
    came = {row.new: row.text for row in diff.rows if row.kind == "added"}
    went = {row.old: row.text for row in diff.rows if row.kind == "deleted"}
    assert all(new[number - 1] == text for number, text in came.items())
    assert all(old[number - 1] == text for number, text in went.items())
    stayed = [line for number, line in enumerate(old, 1) if number not in went]
    assert stayed == [line for number, line in enumerate(new, 1) if number not in came]
    assert (diff.added, diff.deleted) == (len(came), len(went))


def test_lines_in_between_are_counted() -> None:
    before = [str(n) for n in range(100)]
    after = [*before[:50], "new", *before[50:]]
    diff = diff_texts("\n".join(before).encode(), "\n".join(after).encode())
    assert diff is not None
    assert [row.text for row in diff.rows] == [
        "47 unchanged lines", "47", "48", "49", "new", "50", "51", "52", "47 unchanged lines",
    ]  # fmt: skip


def test_what_is_no_text_or_too_long_has_no_diff() -> None:
    assert diff_texts(b"a", b"\x00b") is None
    assert diff_texts(b"a", b"\xff\xfe") is None
    assert diff_texts(b"a", b"x" * 200_001) is None
    assert diff_texts(b"a", b"\n" * 2001) is None
    clipped = diff_texts(b"", b"x" * 5000)
    assert clipped is not None and len(clipped.rows[0].text) < 1010


def test_a_commit_shows_what_it_changed(url: str, store: Store) -> None:
    put(store, "me/m", {"README.md": b"# One\n\nsame\n", "w.bin": bytes(range(256))})
    commit = put(store, "me/m", {"README.md": b"# Two <b>\n\nsame\n", "w.bin": bytes(200)}, "Edit")
    page = httpx2.get(f"{url}/me/m/commit/{commit.oid}").text
    assert '<td class="sign">−</td>\n        <td class="code"># One</td>' in page
    assert '<td class="code"># Two &lt;b&gt;</td>' in page
    assert "256 bytes →" in page and "200 bytes" in page and "Binary" in page
