"""What is taken out of posts before a model can learn it, and what is left alone."""

from __future__ import annotations

from ipaddress import IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.corpus.redact import redact
from hubtools.posts.registry import read_source

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
        ("4111 1111 1111 1111 or 5500-0000-0000-0004", "[card] or [card]"),
        ("378282246310005", "[card]"),
        ("3782 822463 10005.", "[card]."),
        ("my card 4012888888881881!", "my card [card]!"),
        ("GB82 WEST 1234 5698 7654 32", "[bank account]"),
        ("IBAN: DE89370400440532013000", "IBAN: [bank account]"),
        ("FR14 2004 1010 0505 0001 3M02 606 please", "[bank account] please"),
        ("banned 203.0.113.77, again", "banned [IP address], again"),
        ("http on 192.168.100.200:8080", "http on [IP address]:8080"),
        ("my IP is 10.0.0.1", "my IP is [IP address]"),
        ("2001:db8::8a2e:370:7334", "[IP address]"),
        ("from fe80::1ff:fe23:4567:890a.", "from [IP address]."),
        ("I live at 221B Baker Street", "I live at [address]"),
        ("1600 Pennsylvania Avenue NW, Washington", "[address], Washington"),
        ("come to 42 Elm St., Springfield", "come to [address], Springfield"),
        ("350 5th Avenue", "[address]"),
        ("in der Hauptstraße 12a wohnt", "in der [address] wohnt"),
        ("Lange Straße 3", "[address]"),
        ("au 12 bis, rue de la Paix", "au [address]"),
    ],
)
def test_what_identifies_people_is_replaced(text: str, redacted: str) -> None:
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
        "v1.2.3.144 and version 10.0.44.12",
        "Chrome/91.0.44.120 on 10.3.3.1",
        "999.1.2.300 and 1.2.3.4.50",
        "12:30:45 or 10:15:: or 00:1A:2B:3C:4D:5E",
        "std::vector and a::b and dead::beef",
        "DE89370400440532013001",
        "4111 1111 1111 1112",
        "4111-1111 1111-1111",
        "1234567812345670",
        "in 2016 Fifth Avenue was shut",
        "20 Wall Street bankers, 100 Main Street shops",
        "2 streets, 3 Avenues and 5 roads to take",
        "Platz 5, Umweg 2 and the Road 66",
    ],
)
def test_other_numbers_and_handles_stay(text: str) -> None:
    assert redact(text) == (text, 0)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the shared collection of posts")
def test_real_posts_raise_no_false_alarm() -> None:
    files = (
        "csv/BarackObama_538.csv", "csv/realDonaldTrump_538.csv", "x_api/dog_rates_full_v11.jsonl"
    )  # fmt: skip
    posts = [post.text for file in files for post in read_source(str(DATA / file)).posts]
    assert [post for post in posts if redact(post)[1]] == [
        post for post in posts if "1-800-342-3557" in post
    ]


@given(st.text() | st.text(st.sampled_from("0123456789 +-()./@ab,")))
def test_redacting_never_raises_and_is_done_once(text: str) -> None:
    redacted, count = redact(text)
    assert (redacted == text) == (count == 0)
    assert redact(redacted) == (redacted, 0)


@given(
    st.integers(0, 10**15 - 1),
    st.text(st.sampled_from("abc ,;!\n"), max_size=8),
    st.sampled_from(["", " ", "-"]),
)
def test_every_card_number_is_replaced(number: int, around: str, between: str) -> None:
    digits = f"{4 * 10**14 + number % 10**14:015}"
    doubled = sum(n - 9 if n > 9 else n for n in (2 * int(d) for d in digits[::-2]))
    digits += str(-(doubled + sum(map(int, digits[-2::-2]))) % 10)
    written = between.join(digits[n : n + 4] for n in range(0, 16, 4))
    assert redact(f"{around} {written} {around}") == (f"{around} [card] {around}", 1)


@given(st.from_regex(r"\A[0-9]{16}\Z").filter(str.isascii))
def test_of_numbers_only_those_with_a_check_digit_are_cards(digits: str) -> None:
    others = [redact(digits[:-1] + last)[1] for last in "0123456789"]
    assert sum(others) <= 1


@given(st.integers(1, 0xFFFF), st.integers(1, 2**64 - 1))
def test_addresses_of_the_new_network_are_replaced(site: int, host: int) -> None:
    ip = IPv6Address((0x20010DB8 << 96) | (site << 64) | host)
    assert redact(f"from {ip} today") == ("from [IP address] today", 1)
    assert redact(f"from {ip.exploded}") == ("from [IP address]", 1)


@given(st.ip_addresses(v=4).filter(lambda ip: max(ip.packed) > 30))
def test_addresses_of_the_old_network_are_replaced(ip: object) -> None:
    assert redact(f"from {ip} today") == ("from [IP address] today", 1)


@pytest.mark.parametrize(
    "piece",
    ["a", "1 ", "+1", "a.b@", "0", "01 234 ", "a.", "call me at ", "(1", "1-", "x@a.",
     "1111 ", "4", "a:", ":", "1.", "1 A", "1 Aa ", "DE89 ", "AAAA ", "1 rue de ", "Aastraße "],
)  # fmt: skip
def test_hostile_text_is_read_to_its_end(piece: str) -> None:
    # A rule that backtracks would take hours for this.
    redacted, _ = redact(piece * (100_000 // len(piece)) + " the end")
    assert redacted.endswith(" the end")
