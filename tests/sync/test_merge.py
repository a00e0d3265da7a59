"""Three-way: what we rendered last, what a person made of it, what we would render now."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from hubtools.cards.card import Card, CardAccount
from hubtools.cards.importing import import_readme
from hubtools.cards.merge_remote import MergeResult, keep_remote, merge_remote, merge_text
from hubtools.cards.render import CardRenderer

RENDERER = CardRenderer("me")
CARD = Card(
    repo="poet",
    language="en",
    base_model="openai-community/gpt2",
    prompt="My dream is",
    tags=("huggingtweets",),
    accounts=(CardAccount(handle="poet", name="The Poet", network="x"),),
    metadata={"license": "mit"},
    prose="We asked them first.\n\nThey said yes.",
)
BARE = replace(CARD, prose=None)


def render(card: Card) -> str:
    return RENDERER.render(card)


def home(edit: Callable[[str], str], was: Card = CARD, now: Card | None = None) -> MergeResult:
    """What comes home of an edit to the README of `was`, when the card says `now`."""
    now = now or was
    return merge_remote(now, render(was), edit(render(was)), render(now))


def replacing(old: str, new: str) -> Callable[[str], str]:
    def edit(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return edit


def front(text: str, edit: Callable[[str], str]) -> str:
    _, yaml, body = text.split("---\n", 2)
    return f"---\n{edit(yaml)}---\n{body}"


def test_no_edit_is_no_change() -> None:
    assert home(lambda text: text) == MergeResult(CARD)


def test_prose_that_was_changed() -> None:
    came = home(replacing("They said yes.", "They said yes, twice."))
    assert came == MergeResult(replace(CARD, prose="We asked them first.\n\nThey said yes, twice."))


def test_prose_that_was_removed() -> None:
    came = home(replacing("\n\nThey said yes.", ""))
    assert came == MergeResult(replace(CARD, prose="We asked them first."))


@pytest.mark.parametrize("was", [CARD, BARE])
def test_text_below_our_last_line(was: Card) -> None:
    came = home(lambda text: text + "\nThis model is mine.\n", was)
    assert came.unresolved == ()
    assert came.card.prose is not None
    assert came.card.prose.endswith("This model is mine.")
    assert "This model is mine." in render(came.card)


@pytest.mark.parametrize("was", [CARD, BARE])
@pytest.mark.parametrize("below", ["<div ", "## How does it work?", "## Limitations", "generator("])
def test_text_between_ours(was: Card, below: str) -> None:
    def edit(text: str) -> str:
        at = text.index(f"\n{below}")
        return f"{text[:at]}\nA line between.\n{text[at:]}"

    came = home(edit, was)
    assert came.unresolved == ()
    assert "A line between." in (came.card.prose or "").split("\n")
    assert (was.prose or "") in (came.card.prose or "")


def test_generated_text_that_was_changed_needs_a_decision() -> None:
    came = home(replacing("It makes things up.", "It never lies."))
    assert len(came.unresolved) == 1
    assert "- It makes things up" in came.unresolved[0]
    assert came.card == CARD, "nothing is half taken"


def test_generated_text_that_was_removed_needs_a_decision() -> None:
    lines = render(CARD).split("\n")
    heading = next(line for line in lines if line.startswith("## "))
    came = home(replacing(heading + "\n", ""))
    assert heading[:40] in came.unresolved[0]


# Front matter


def test_metadata_that_was_added_and_changed() -> None:
    def edit(text: str) -> str:
        return front(
            text, lambda y: y.replace("license: mit", "license: cc0-1.0") + "datasets:\n- a/b\n"
        )

    came = home(edit)
    assert came.unresolved == ()
    assert came.card.metadata == {"license": "cc0-1.0", "datasets": ["a/b"]}


def test_metadata_that_was_removed() -> None:
    came = home(lambda text: front(text, lambda y: y.replace("license: mit\n", "")))
    assert came == MergeResult(replace(CARD, metadata={}))


def test_fields_of_the_card_that_were_changed() -> None:
    def edit(yaml: str) -> str:
        yaml = yaml.replace("language: en\n", "language: de\n")
        return yaml.replace("base_model: openai-community/gpt2", "base_model: distilgpt2")

    came = home(lambda text: front(text, edit))
    assert came.unresolved == ()
    assert (came.card.language, came.card.base_model) == ("de", "distilgpt2")


def test_a_field_that_is_always_there_cannot_be_removed_silently() -> None:
    came = home(lambda text: front(text, lambda y: y.replace("library_name: transformers\n", "")))
    (unresolved,) = came.unresolved
    assert unresolved.startswith("library_name: ")


def test_a_generated_key_that_was_changed_is_kept_as_metadata() -> None:
    def edit(yaml: str) -> str:
        return yaml.replace("library_name: transformers", "library_name: keras")

    came = home(lambda text: front(text, edit))
    assert came.card.metadata["library_name"] == "keras"
    assert "library_name: keras" in render(came.card)


def test_tags_merge_by_the_list() -> None:
    was = replace(CARD, tags=("huggingtweets", "old"))
    now = replace(was, tags=("huggingtweets", "old", "ours"))
    edit = replacing("tags:\n- huggingtweets\n- old\n", "tags:\n- huggingtweets\n- theirs\n")
    came = home(edit, was, now)
    assert came == MergeResult(replace(now, tags=("huggingtweets", "ours", "theirs")))


def test_both_sides_change_different_keys() -> None:
    now = replace(CARD, metadata={"license": "mit", "datasets": ["a/b"]}, language="fr")
    came = home(replacing("license: mit", "license: cc0-1.0"), CARD, now)
    assert came == MergeResult(replace(now, metadata={"license": "cc0-1.0", "datasets": ["a/b"]}))


def test_both_sides_change_the_same_key() -> None:
    now = replace(CARD, metadata={"license": "apache-2.0"})
    came = home(replacing("license: mit", "license: cc0-1.0"), CARD, now)
    (unresolved,) = came.unresolved
    assert unresolved.startswith("license: ")
    assert came.card.metadata == {"license": "apache-2.0"}


def test_both_sides_change_the_same_key_alike() -> None:
    now = replace(CARD, metadata={"license": "cc0-1.0"})
    assert home(replacing("license: mit", "license: cc0-1.0"), CARD, now) == MergeResult(now)


def test_comments_in_the_front_matter_are_kept() -> None:
    came = home(lambda text: front(text, lambda y: f"# Ask me first\n{y}"))
    assert came.card.comments == ("Ask me first",) or came.card.comments == ("# Ask me first",)
    assert "# Ask me first" in render(came.card)


def reformatted(text: str) -> str:
    """As a bot leaves it that reads YAML and writes it again: other order, quotes and widths."""
    _, yaml, body = text.split("---\n", 2)
    data = YAML(typ="safe").load(yaml)
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(data.items())]
    return "---\n" + "\n".join(lines) + f"\n---\n{body}"


def test_a_bot_that_reformats_and_adds_a_key() -> None:
    assert home(reformatted) == MergeResult(CARD)
    came = home(lambda t: reformatted(t).replace("---\n", '---\n"inference": false\n', 1))
    assert came == MergeResult(replace(CARD, metadata={**CARD.metadata, "inference": False}))


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends(ending: str) -> None:
    came = home(lambda text: (text + "\nMine.\n").replace("\n", ending))
    assert came.unresolved == ()
    assert came.card.prose == f"{CARD.prose}\n\nMine."


def test_a_byte_order_mark() -> None:
    assert home(lambda text: "\ufeff" + text) == MergeResult(CARD)


def test_both_sides_change_different_paragraphs() -> None:
    now = replace(CARD, prose="We asked them, and thanked them.\n\nThey said yes.")
    came = home(replacing("They said yes.", "They said yes, twice."), CARD, now)
    assert came.card.prose == "We asked them, and thanked them.\n\nThey said yes, twice."
    assert came.unresolved == ()


def test_both_sides_change_the_same_line() -> None:
    now = replace(CARD, prose="We asked them first.\n\nThey said no.")
    came = home(replacing("They said yes.", "They said yes, twice."), CARD, now)
    (unresolved,) = came.unresolved
    assert "prose" in unresolved
    assert came.card.prose == now.prose


def test_a_line_that_goes_on_is_a_change_of_that_line() -> None:
    now = replace(CARD, prose="We asked them first.\n\nThey said no.")
    came = home(replacing("They said yes.", "They said yes. And no."), CARD, now)
    (unresolved,) = came.unresolved
    assert "prose" in unresolved


def test_text_below_prose_that_was_changed_here() -> None:
    now = replace(CARD, prose="We asked them first.\n\nThey said no.")
    came = home(lambda text: text + "\nTheirs.\n", CARD, now)
    assert came == MergeResult(replace(now, prose=f"{now.prose}\n\nTheirs."))


def test_text_that_is_home_already_does_not_come_twice() -> None:
    """A pull was ended between the prose and the card."""
    now = replace(CARD, prose=f"{CARD.prose}\n\nOurs.\n\nTheirs.")
    came = home(lambda text: text + "\nTheirs.\n", CARD, now)
    assert came == MergeResult(now)


def test_both_sides_add_text() -> None:
    now = replace(CARD, prose=f"{CARD.prose}\n\nOurs.")
    came = home(lambda text: text + "\nTheirs.\n", CARD, now)
    assert came.unresolved == ()
    assert came.card.prose == f"{CARD.prose}\n\nOurs.\n\nTheirs."


def test_an_edit_and_another_template(tmp_path: Path) -> None:
    """What we would render now differs everywhere; the edit comes home all the same."""
    (tmp_path / "card.md.j2").write_text("# Another {{ card.repo }}\n\n{{ card.prose or '' }}\n")
    here = CardRenderer("me", templates=tmp_path).render(CARD)
    base = render(CARD)
    there = base.replace("They said yes.", "They said yes, twice.") + "\nMine.\n"
    came = merge_remote(CARD, base, there, here)
    assert came.unresolved == ()
    assert came.card.prose == "We asked them first.\n\nThey said yes, twice.\n\nMine."


# Keeping it as it is


def test_its_own() -> None:
    there = render(CARD).replace("## ", "## My ") + "\nMine.\n"
    card = keep_remote(CARD, there)
    assert card.body == "own"
    assert card.accounts == CARD.accounts
    text = render(card)
    assert "Mine." in text
    assert "## My " in text
    assert import_readme(text, repo="poet") == card
    again = merge_remote(card, text, text + "\nMore.\n", text)
    assert again.card.prose == f"{card.prose}\n\nMore."
    changed = merge_remote(card, text, text.replace("## My ", "## Our "), text)
    assert changed.unresolved == ()
    assert "## Our " in render(changed.card)


# READMEs that were never ours

FOREIGN = "---\nlicense: mit\ntags:\n- poetry\n---\n# Poet\n\nWritten by hand.\n"


def test_a_foreign_readme_of_which_the_card_says_all() -> None:
    card = import_readme(FOREIGN, repo="poet")
    assert merge_remote(card, None, FOREIGN, render(card)) == MergeResult(card)


def test_a_foreign_readme_that_says_more() -> None:
    card = import_readme(FOREIGN, repo="poet")
    there = FOREIGN.replace("license: mit\n", "license: mit\ninference: false\n")
    came = merge_remote(card, None, there, render(card))
    assert came == MergeResult(replace(card, metadata={**card.metadata, "inference": False}))


def test_a_foreign_readme_that_says_something_else() -> None:
    card = import_readme(FOREIGN, repo="poet")
    came = merge_remote(card, None, FOREIGN.replace("by hand", "by foot"), render(card))
    (unresolved,) = came.unresolved
    assert "text" in unresolved


# Properties

WORDS = st.sampled_from(["alpha", "beta", "gamma", "delta", "## Heading", "- item", "| a | b |"])
LINES = st.lists(WORDS, min_size=0, max_size=5)


@st.composite
def edits(draw: st.DrawFn) -> Callable[[str], tuple[str, list[str]]]:
    """Inserts lines that nobody else has, anywhere below the front matter; says which."""
    places = draw(st.lists(st.floats(0, 1), min_size=1, max_size=4))
    seed = draw(st.integers(0, 10**6))

    def edit(text: str) -> tuple[str, list[str]]:
        lines = text.split("\n")
        first = lines.index("---", 1) + 1
        added = []
        for number, place in enumerate(places):
            at = first + round(place * (len(lines) - first))
            added.append(f"A person's line {seed}-{number}")
            lines[at:at] = [added[-1]]
        return "\n".join(lines), added

    return edit


def proses() -> st.SearchStrategy[str | None]:
    return st.one_of(st.none(), LINES.map(lambda lines: "\n\n".join(lines).strip("\n") or None))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(proses(), proses(), edits(), st.booleans())
def test_no_line_that_a_person_added_is_lost(
    was: str | None, now: str | None, edit: Callable[[str], tuple[str, list[str]]], crlf: bool
) -> None:
    before, after = replace(CARD, prose=was), replace(CARD, prose=now)
    there, added = edit(render(before))
    if crlf:
        there = there.replace("\n", "\r\n")
    came = merge_remote(after, render(before), there, render(after))
    if came.unresolved:
        return
    prose = came.card.prose or ""
    for line in added:
        assert prose.count(line) == 1, prose
    for line in filter(None, (now or "").split("\n")):
        assert line in prose.split("\n"), "what was changed here stays"
    text = render(came.card)
    again = merge_remote(came.card, text, text, text)
    assert again == MergeResult(came.card)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(proses(), edits())
def test_lines_that_are_added_alone_always_come_home(
    prose: str | None, edit: Callable[[str], tuple[str, list[str]]]
) -> None:
    """Where nothing changed here, no person has to decide, wherever the lines stand."""
    card = replace(CARD, prose=prose)
    there, added = edit(render(card))
    came = merge_remote(card, render(card), there, render(card))
    assert came.unresolved == ()
    for line in added:
        assert (came.card.prose or "").count(line) == 1


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(proses(), edits(), edits(), proses())
def test_edits_that_come_home_one_after_the_other_come_once(
    was: str | None,
    first: Callable[[str], tuple[str, list[str]]],
    second: Callable[[str], tuple[str, list[str]]],
    now: str | None,
) -> None:
    """Nothing was published between the two, and the card may have changed too."""
    before, after = replace(CARD, prose=was), replace(CARD, prose=now)
    base = render(before)
    pulled, one = first(base)
    card = merge_remote(after, base, pulled, render(after)).card
    there, two = second(pulled)
    assume(not {*one} & {*two})
    came = merge_remote(card, base, there, render(card), pulled=pulled)
    if came.unresolved or not set(one) <= set((card.prose or "").split("\n")):
        return
    prose = (came.card.prose or "").split("\n")
    for line in {*one, *two}:
        assert prose.count(line) == 1, prose


@given(LINES, LINES, LINES)
def test_text_merges_alike_from_both_sides(
    base: list[str], mine: list[str], theirs: list[str]
) -> None:
    one = merge_text("\n".join(base), "\n".join(mine), "\n".join(theirs))
    other = merge_text("\n".join(base), "\n".join(theirs), "\n".join(mine))
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        assert {*one.split("\n"), ""} == {*other.split("\n"), ""}


@given(LINES, LINES)
def test_text_of_one_side_is_taken(base: list[str], changed: list[str]) -> None:
    was, now = "\n".join(base), "\n".join(changed)
    assert merge_text(was, was, now) == now
    assert merge_text(was, now, was) == now
    assert merge_text(was, now, now) == now


@given(LINES, LINES, LINES)
def test_a_merge_holds_the_new_lines_of_both(
    base: list[str], mine: list[str], theirs: list[str]
) -> None:
    mine, theirs = [f"{line} mine" for line in mine], [f"{line} theirs" for line in theirs]
    keep = base[:1]
    merged = merge_text("\n".join(base), "\n".join([*keep, *mine]), "\n".join([*base, *theirs]))
    if merged is not None:
        assert set(mine) | set(theirs) <= set(merged.split("\n"))
