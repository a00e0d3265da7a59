"""The plan is a pure function: what it promises, for whatever cards and Hubs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtools.core.errors import PolicyError, UsageError
from hubtools.sync.change_limit import ChangeLimit, change_limit
from hubtools.sync.plan import APPLIED_ACTIONS, Change, Plan
from hubtools.sync.planner import plan_changes
from hubtools.sync.repo_state import README, Desired, Digest, Observed, Remote, Revision

NAMES = ("poet", "Poet", "gull", "tern", "ferry", "lighthouse")
PATHS = (README, "model.safetensors", "config.json", ".gitattributes")
CONTENTS = ("one", "two", "three")


def digest(content: str) -> Digest:
    data = content.encode()
    git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
    return Digest(hashlib.sha256(data).hexdigest(), git)


def there(content: str, lfs: bool = True) -> str:
    one = digest(content)
    return f"sha256:{one.sha256}" if lfs else f"git:{one.git}"


@st.composite
def fleets(draw: st.DrawFn) -> tuple[Desired, ...]:
    names = draw(st.lists(st.sampled_from(NAMES), unique_by=str.casefold, max_size=5))
    return tuple(
        Desired(
            name,
            draw(st.booleans()),
            {README: digest(draw(st.sampled_from(CONTENTS)))}
            | draw(st.dictionaries(st.sampled_from(PATHS[1:3]), contents(), max_size=2)),
        )
        for name in names
    )


def contents() -> st.SearchStrategy[Digest]:
    return st.sampled_from(CONTENTS).map(digest)


@st.composite
def hubs(draw: st.DrawFn) -> Remote:
    names = draw(st.lists(st.sampled_from(NAMES), unique_by=str.casefold, max_size=5))
    revisions = {
        name: Revision(f"me/{name}", f"head of {name}", draw(st.booleans())) for name in names
    }
    observed = {name: draw(looks(revision)) for name, revision in revisions.items()}
    shas = [revision.sha for revision in revisions.values()]
    before = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*shas, "gone"]), max_size=3)
    return Remote(revisions, observed, draw(before))


@st.composite
def looks(draw: st.DrawFn, revision: Revision) -> Observed:
    if draw(st.integers(0, 9)) == 0:
        return Observed(revision.sha, {}, unreadable="may not be read with this token")
    held = st.builds(there, st.sampled_from(CONTENTS), st.booleans())
    files = draw(st.dictionaries(st.sampled_from(PATHS), held, max_size=4))
    edited = draw(st.sets(st.sampled_from(sorted(files)))) if files else set()
    return Observed(revision.sha, files, frozenset(edited))


def applied(changes: tuple[Change, ...], desired: tuple[Desired, ...], remote: Remote) -> Remote:
    """What a Hub is after an apply, which does what the changes say and nothing else."""
    revisions, observed = dict(remote.revisions), dict(remote.observed)
    by_name = {one.name: one for one in desired}
    for change in changes:
        if change.action not in APPLIED_ACTIONS:
            continue
        one, name = by_name[change.name], change.name
        before = observed.get(name, Observed("", {}))
        sent = {path: f"sha256:{one.files[path].sha256}" for path in change.files}
        assert {p: f"sha256:{sha}" for p, sha in change.files.items()} == sent
        sha = f"{change.revision} and {sorted(sent.items())}" if sent else (change.revision or "")
        private = change.action == "retire" or (name in revisions and revisions[name].private)
        revisions[name] = Revision(change.repo, sha, private)
        files, edited = {**before.files, **sent}, before.edited - sent.keys()
        observed[name] = Observed(sha, files, edited, before.unreadable)
    return Remote(revisions, observed, remote.cached)


@given(fleets(), hubs())
def test_a_plan_after_its_own_apply_is_empty(desired: tuple[Desired, ...], remote: Remote) -> None:
    changes = plan_changes(desired, remote, "me")
    after = plan_changes(desired, applied(changes, desired, remote), "me")
    assert not [change for change in after if change.action in APPLIED_ACTIONS]
    assert {c.repo for c in after} >= {c.repo for c in changes}


@given(fleets(), hubs(), st.randoms())
def test_order_does_not_matter(
    desired: tuple[Desired, ...], remote: Remote, random: object
) -> None:
    def shuffled(items: Mapping[str, object]) -> dict[str, object]:
        pairs = list(items.items())
        random.shuffle(pairs)  # type: ignore[attr-defined]
        return dict(pairs)

    other = Remote(shuffled(remote.revisions), shuffled(remote.observed), shuffled(remote.cached))  # type: ignore[arg-type]
    changes = plan_changes(tuple(reversed(desired)), other, "me")
    assert changes == plan_changes(desired, remote, "me")
    assert [c.repo for c in changes] == sorted(c.repo for c in changes)


@given(fleets(), hubs())
def test_what_a_person_edited_is_never_sent(desired: tuple[Desired, ...], remote: Remote) -> None:
    by_name = {one.name: one for one in desired}
    for change in plan_changes(desired, remote, "me"):
        observed = remote.observed.get(change.name)
        if observed is None:
            continue
        assert not observed.edited & change.files.keys()
        edited = (
            {
                path
                for path in observed.edited
                if path in by_name[change.name].files
                and not by_name[change.name].files[path].matches(observed.files[path])
            }
            if change.name in by_name
            else set()
        )
        if edited:
            assert change.action in ("conflict", "retire", "unchanged")


@given(fleets(), hubs())
def test_every_card_and_every_repository_is_named_once(
    desired: tuple[Desired, ...], remote: Remote
) -> None:
    changes = plan_changes(desired, remote, "me")
    assert len({change.repo for change in changes}) == len(changes)
    named = {change.name for change in changes}
    assert named >= {one.name for one in desired}
    for change in changes:
        revision = remote.revisions.get(change.name)
        if change.action == "extra":
            assert not change.files
            assert change.name not in {one.name for one in desired}
        if change.action == "update":
            assert revision is not None
            assert change.revision == revision.sha
            assert change.files
        if change.action in ("unchanged", "conflict", "extra"):
            assert not change.files


@given(fleets(), hubs())
def test_a_plan_of_some_cards_is_the_same_for_these(
    desired: tuple[Desired, ...], remote: Remote
) -> None:
    remote = replace(remote, cached={})  # which repository was renamed, the other cards say
    full = {change.repo: change for change in plan_changes(desired, remote, "me")}
    for one in desired:
        (change,) = plan_changes([one], remote, "me", full=False)
        assert change == full[change.repo]


HERE = Desired("poet", False, {README: digest("here")})


def hub(*, private: bool = False, edited: bool = False, **files: str) -> Remote:
    revision = Revision("me/poet", "h1", private)
    held = {path.replace("__", "."): there(content) for path, content in files.items()}
    observed = Observed("h1", held, frozenset(held) if edited else frozenset())
    return Remote({"poet": revision}, {"poet": observed})


def only(desired: Desired, remote: Remote) -> Change:
    (change,) = plan_changes([desired], remote, "me", full=False)
    return change


def test_what_becomes_of_one_repository() -> None:
    nothing = Remote({}, {})
    assert only(HERE, nothing).action == "create"
    assert only(HERE, nothing).revision is None
    assert only(HERE, hub(README__md="here")).action == "unchanged"
    assert only(HERE, hub(README__md="here", edited=True)).action == "unchanged"
    assert only(HERE, hub(README__md="old")).action == "update"
    conflict = only(HERE, hub(README__md="old", edited=True))
    assert conflict.action == "conflict"
    assert (
        conflict.reason == "README.md changed on the Hub by someone else: run `hubtools pull poet`"
    )


def test_an_empty_repository_is_filled_on_the_head_that_it_has() -> None:
    for remote in (hub(), hub(__gitattributes="x")):
        change = only(HERE, remote)
        assert (change.action, change.revision) == ("create", "h1")
    change = only(HERE, hub(config__json="x"))
    assert change.action == "update"


def test_retiring() -> None:
    retired = replace(HERE, retired=True)
    assert only(retired, Remote({}, {})).action == "unchanged"
    change = only(retired, hub(README__md="old"))
    assert (change.action, list(change.files)) == ("retire", [README])
    change = only(retired, hub(README__md="old", edited=True))
    assert (change.action, list(change.files)) == ("retire", []), "the edit stays, hidden"
    change = only(retired, hub(README__md="old", edited=True, private=True))
    assert change.action == "unchanged"
    change = only(retired, hub(README__md="old", private=True))
    assert (change.action, list(change.files)) == ("retire", [README])
    assert only(retired, hub(README__md="here", private=True)).action == "unchanged"


def test_what_cannot_be_read_is_hidden_all_the_same() -> None:
    revision = Revision("me/poet", "h1")
    remote = Remote({"poet": revision}, {"poet": Observed("h1", {}, unreadable="may not be read")})
    assert only(HERE, remote).action == "conflict"
    change = only(replace(HERE, retired=True), remote)
    assert (change.action, dict(change.files)) == ("retire", {})


def test_another_case_is_another_name_to_us_and_the_same_to_the_hub() -> None:
    remote = Remote({"Poet": Revision("me/Poet", "h1")}, {})
    (change,) = plan_changes([HERE], remote, "me")
    assert (change.repo, change.action, change.revision) == ("me/poet", "conflict", "h1")
    assert "repo = 'Poet'" in change.reason


def test_renamed_and_removed() -> None:
    renamed = Remote({"bard": Revision("me/bard", "h1")}, {}, {"poet": "h1"})
    card, extra = sorted(plan_changes([HERE], renamed, "me"), key=lambda c: c.action)
    assert (card.action, extra.action) == ("conflict", "extra")
    assert "renamed to bard" in card.reason
    retired = replace(HERE, retired=True)
    assert only(retired, renamed).action == "conflict", "it is public still, under another name"
    hidden = replace(renamed, revisions={"bard": Revision("me/bard", "h1", private=True)})
    assert only(retired, hidden).action == "unchanged"
    bard = replace(HERE, name="bard")
    followed = replace(renamed, observed={"bard": Observed("h1", {README: there("here")})})
    new, old = plan_changes([HERE, bard], followed, "me")
    assert (new.action, old.action) == ("unchanged", "create"), "a card of its own, once more"
    (change,) = plan_changes([HERE], Remote({}, {}, {"poet": "h1"}), "me")
    assert change.action == "create"
    assert "removed" in change.reason


def test_extra_repositories_are_listed_and_left_alone() -> None:
    remote = Remote({"bard": Revision("me/bard", "h1")}, {})
    (change,) = plan_changes([], remote, "me")
    assert (change.repo, change.action, change.files) == ("me/bard", "extra", {})
    assert plan_changes([], remote, "me", full=False) == ()


def plan_of(updates: int, creates: int = 0, retired: int = 0) -> Plan:
    kinds = ["update"] * updates + ["create"] * creates + ["retire"] * retired
    changes = tuple(
        Change(f"me/{number}", kind, "why", "h")  # type: ignore[arg-type]
        for number, kind in enumerate(kinds)
    )
    return Plan("local:hub", "me", changes)


@pytest.mark.parametrize(
    ("value", "explicit", "updates", "fleet", "allowed"),
    [
        ("10%", False, 20, 20, True),  # a tenth of a small fleet is nothing
        ("10%", False, 3, 21, False),
        ("10%", False, 2, 21, True),
        ("10%", True, 3, 20, False),
        ("10%", True, 2, 20, True),
        ("10 %", True, 2, 20, True),
        ("5", False, 5, 5, True),
        ("5", False, 6, 10_000, False),
        ("0", True, 0, 10, True),
        ("0", True, 1, 10, False),
        ("100%", True, 30, 30, True),
        ("0%", True, 1, 1000, False),
    ],
)
def test_a_limit_of_changes(
    value: str, explicit: bool, updates: int, fleet: int, allowed: bool
) -> None:
    limit = ChangeLimit(value, explicit)
    plan = plan_of(updates - updates // 2, creates=500, retired=updates // 2)
    if allowed:
        limit.check(plan, fleet)
        return
    with pytest.raises(PolicyError) as caught:
        limit.check(plan, fleet)
    assert caught.value.where == "me on local:hub"
    assert f"--max-changes {updates}" in str(caught.value.fix)


@pytest.mark.parametrize("value", ["", "%", "-1", "1.5", "ten", "5%%", "٣", "1e3", "0x10", "5 %x"])
def test_what_is_no_limit(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        change_limit(value, "10%")
    assert caught.value.where == "--max-changes"
    with pytest.raises(UsageError) as caught:
        change_limit(None, value)
    assert caught.value.where == "[hub] max_changes"


@pytest.mark.parametrize(("explicit", "configured"), [(0, "10%"), ("0", 5), (None, 0)])
def test_nothing_is_a_limit_too(explicit: int | str | None, configured: int | str) -> None:
    with pytest.raises(PolicyError):
        change_limit(explicit, configured).check(plan_of(3), 100)


def test_counts_name_every_action() -> None:
    counts = plan_of(2, creates=1).counts
    assert counts == {
        "create": 1, "update": 2, "retire": 0, "conflict": 0, "extra": 0, "unchanged": 0,
    }  # fmt: skip
