"""What is taken out of posts before a model can learn it, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.posts.reading import read_timeline
from hubtools.training.redact import redact

DATA = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("write to keeper@example.org.", "write to [e-mail]."),
        ("<a.b+news@lamp-light.co.uk>!", "<[e-mail]>!"),
        ("jörg@müller.de or a@b.io", "[e-mail] or [e-mail]"),
        ("ring +49 30 1234567 now", "ring [phone] now"),
        ("+1 (202) 555-0143", "[phone]"),
        ("+442079460958", "[phone]"),
        ("0044 20 7946 0958", "[phone]"),
        ("(202) 555-0143, 202-555-0143", "[phone], [phone]"),
        ("1.202.555.0143", "[phone]"),
        ("in 2019 202-555-0143 was new", "in 2019 [phone] was new"),
        ("202 555 0143", "[phone]"),
        ("1-800-555-0143", "[phone]"),
        ("le 06 12 34 56 78", "le [phone]"),
        ("020 7946 0958", "[phone]"),
        ("(030) 1234567", "[phone]"),
        ("0171/1234567", "[phone]"),
        ("Tel.: 5550143", "Tel.: [phone]"),
        ("call me at 555-0143!", "call me at [phone]!"),
        ("Call 555-0143", "Call [phone]"),
        ("WhatsApp: 2025550143", "WhatsApp: [phone]"),
    ],
)
def test_addresses_and_phone_numbers_are_replaced(text: str, redacted: str) -> None:
    assert redact(text) == (redacted, redacted.count("["))


@pytest.mark.parametrize(
    "text",
    [
        "@keeper@lamp.social",
        "hello @keeper, @bosun and you@home",
        "10/16/17 22:59",
        "07.11.2024 18.30",
        "2019-10-15, 15-10-2019",
        "01-02-2019 03-04-2020",
        "05/06/2019 1000",
        "2019-2024",
        "2019 2020 2021 2022",
        "Thu May 23 16:56:38 +0000 2024",
        "1,000,000 people",
        "1 000 000 people",
        "$10.000.000.000",
        "we won 10-15, 3-2-1",
        "12:30-14:45",
        "1716483398",
        "1793687496154587630",
        "0.123456789",
        "+1,000,000",
        "4 8 15 16 23 42",
        "04 08 15 16 23 42",
        "978-0-306-40615-7",
        "1234 5678 9012 3456",
        "call 2019-2024",
        "text LAMP to 62262",
        "text 10-16-2017",
        "call on 1 000 000 people",
        "call 1000000 times",
    ],
)
def test_other_numbers_and_handles_stay(text: str) -> None:
    assert redact(text) == (text, 0)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared collection of posts")
def test_real_posts_raise_no_false_alarm() -> None:
    files = ("csv/BarackObama_538.csv", "csv/realDonaldTrump_538.csv")
    posts = [post.text for file in files for post in read_timeline(str(DATA / file)).posts]
    assert [post for post in posts if redact(post)[1]] == [
        post for post in posts if "1-800-342-3557" in post
    ]


@given(st.text() | st.text(st.sampled_from("0123456789 +-()./@ab,")))
def test_redacting_never_raises_and_is_done_once(text: str) -> None:
    redacted, count = redact(text)
    assert (redacted == text) == (count == 0)


@pytest.mark.parametrize(
    "piece", ["a", "1 ", "+1", "a.b@", "0", "01 234 ", "a.", "call me at ", "(1", "1-", "x@a."]
)
def test_hostile_text_is_read_to_its_end(piece: str) -> None:
    # A rule that backtracks would take hours for this.
    redacted, _ = redact(piece * (100_000 // len(piece)) + " the end")
    assert redacted.endswith(" the end")
