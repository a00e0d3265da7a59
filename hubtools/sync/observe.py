"""What a Hub holds: one listing for all heads, and a look at those that moved since."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from hubtools.cards.card_file import load_card
from hubtools.cards.importing import MAX_README, import_readme
from hubtools.cards.render import is_sealed
from hubtools.core.errors import CardError, ConflictError, HubtoolsError
from hubtools.core.events import Reporter
from hubtools.core.run_record import RUN_RECORD, read_record
from hubtools.sync.client import Hub, good, interruptible, told
from hubtools.sync.plan import GIT_ATTRIBUTES, README, SPACES, Desired, Head, Remote, Seen
from hubtools.sync.state import StateCache

if TYPE_CHECKING:
    from httpx2 import Response

AT_A_TIME = 8
"""Requests in flight."""
_PAGE = 1000
_KEPT_EVERY = 200  # repositories looked at between two writes to the memory


class UnreadableError(ConflictError):
    """One repository that cannot be looked at, while others can."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A card to look for on the Hub."""

    file: Path
    wanted: Desired
    before: Seen | None = None
    """What an earlier run left there."""


def look(
    hub: Hub, namespace: str, subjects: Sequence[Subject], memory: StateCache, report: Reporter
) -> Remote:
    """The heads of all repositories of `namespace`, and what those of the cards hold.

    Costs the pages of the listing, and one request for each repository whose head no earlier run
    left: its README, or the list of its files where the card has a model's folder. A file that is
    not as it should be costs another, to see whose work it is. Raises as requests do.
    """
    heads = {head.name: head for head in list_heads(hub, namespace)}
    known = memory.seen()
    before = {s.wanted.name: known.get(f"{namespace}/{s.wanted.name}") for s in subjects}
    seen = {
        s.wanted.name: there
        for s in subjects
        if (there := before[s.wanted.name]) is not None
        and s.wanted.name in heads
        and _still_true(there, heads[s.wanted.name], s.wanted)
    }
    unknown = [
        replace(s, before=before[s.wanted.name])
        for s in subjects
        if s.wanted.name in heads and s.wanted.name not in seen
    ]
    seen.update(_look_at(hub, heads, unknown, memory, report))
    return Remote(heads, seen, {name: there.head for name, there in before.items() if there})


def _still_true(there: Seen, head: Head, wanted: Desired) -> bool:
    """An edit is looked at each time: `pull` may have brought it home meanwhile."""
    complete = wanted.files.keys() <= there.files.keys()
    return there.head == head.sha and complete and not (there.edited or there.unreadable)


def _look_at(
    hub: Hub,
    heads: Mapping[str, Head],
    subjects: Sequence[Subject],
    memory: StateCache,
    report: Reporter,
) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    if not subjects:
        return found
    alone = sum(subject.wanted.alone for subject in subjects)
    hub.pacer.expect("resolvers", alone)
    hub.pacer.expect("api", len(subjects) - alone)
    waiting = iter(subjects)
    with (
        interruptible(hub) as asked_to_stop,
        report.task("Reading", len(subjects)) as bar,
        ThreadPoolExecutor(AT_A_TIME) as pool,
    ):
        while some := list(islice(waiting, _KEPT_EVERY)):
            try:
                seen = list(pool.map(lambda s: see(hub, heads[s.wanted.name], s), some))
            except BaseException:
                hub.stop.set()
                if asked_to_stop():
                    raise KeyboardInterrupt from None
                raise
            memory.learn(
                {
                    heads[s.wanted.name].repo_id: _of_ours(one, s.wanted)
                    for s, one in zip(some, seen, strict=True)
                    if not one.unreadable
                }
            )
            found.update(zip((s.wanted.name for s in some), seen, strict=True))
            bar.advance(len(found))
        if asked_to_stop():
            raise KeyboardInterrupt
    return found


def _of_ours(seen: Seen, wanted: Desired) -> Seen:
    """Without the files that are nothing to the card: nobody knows whose work they are."""
    files = {path: there for path, there in seen.files.items() if path in wanted.files}
    return replace(seen, files=files)


def list_heads(hub: Hub, namespace: str) -> Iterator[Head]:
    """Every model of `namespace` that the token may see, a thousand a request."""
    params = {"author": namespace, "expand": ["sha", "private"], "limit": _PAGE}
    for page in hub.pages("/api/models", f"{namespace} on {hub.endpoint}", params):
        for item in page:
            yield _head(item)


def find_head(hub: Hub, repo: str) -> Head | None:
    """One repository as it is now called; None where the token sees none of that name."""
    response = hub.answer("GET", hub.repo(repo), repo, params={"expand": ["sha", "private"]})
    if response.status_code == 404 or response.headers.get("X-Error-Code") == "RepoNotFound":
        return None
    head = _head(told(good(response, repo), repo, dict))
    return replace(head, repo_id=f"{SPACES}{head.repo_id}") if repo.startswith(SPACES) else head


def is_new(hub: Hub, head: Head, files: Collection[str]) -> bool:
    """Whether a repository that holds `files` is as the Hub makes it.

    A Space begins with a README, in which somebody may have written since.
    """
    if not head.repo_id.startswith(SPACES):
        return set(files) <= {GIT_ATTRIBUTES}
    if not set(files) <= {GIT_ATTRIBUTES, README}:
        return False
    commits = hub.get(hub.repo(head.repo_id, "commits", head.sha), head.repo_id)
    return len(told(commits, head.repo_id, list)) == 1


def _head(item: Mapping[str, Any]) -> Head:
    try:
        return Head(item["id"], item["sha"], bool(item.get("private")))
    except (KeyError, TypeError) as error:
        raise HubtoolsError("does not say the heads of its models", where="the Hub") from error


def see(hub: Hub, head: Head, subject: Subject) -> Seen:
    """What the repository holds of what `subject` wants there, and whose work it is."""
    try:
        return (
            _see_readme(hub, head, subject)
            if subject.wanted.alone
            else _see_all(hub, head, subject)
        )
    except UnreadableError as error:
        return Seen(head.sha, {}, unreadable=error.what)


def _see_all(hub: Hub, head: Head, subject: Subject) -> Seen:
    wanted, files = subject.wanted, list_files(hub, head)
    changed = [p for p, d in wanted.files.items() if p in files and not d.fits(files[p])]
    return Seen(head.sha, files, frozenset(_edited(hub, head, subject, files, changed)))


def _see_readme(hub: Hub, head: Head, subject: Subject) -> Seen:
    data = read_file(hub, head, README)
    if data is None:
        return Seen(head.sha, list_files(hub, head))
    digest = hashlib.sha256(data).hexdigest()
    wanted = subject.wanted.files[README]
    ours = digest == wanted.sha256 or is_ours(data, subject.file)
    edited = frozenset() if ours else frozenset({README})
    return Seen(head.sha, {README: f"sha256:{digest}"}, edited)


def is_ours(data: bytes, card_file: Path) -> bool:
    """Whether overwriting a README that says `data` loses nothing.

    It ends with the digest of our own work, or the card says that its edits were brought home, or
    reading it gives the very card that is here.
    """
    text = data.decode("utf-8", errors="replace")
    if is_sealed(text):
        return True
    card = load_card(card_file)
    if card.pulled == hashlib.sha256(data).hexdigest():
        return True
    try:
        return import_readme(data.decode("utf-8"), repo=card.repo) == card
    except (CardError, UnicodeDecodeError):
        return False


def _edited(
    hub: Hub, head: Head, subject: Subject, files: Mapping[str, str], changed: Sequence[str]
) -> Iterator[str]:
    """Those of `changed` that are not as we left them.

    That is what the earlier run remembers, and what a run record of ours says, which holds its
    own digest and those of all other files.
    """
    before = subject.before
    left = {p: d for p, d in before.files.items() if p not in before.edited} if before else {}
    record: Mapping[str, Any] | None = None
    for path in changed:
        if path == README:
            if not is_ours(read_file(hub, head, path) or b"", subject.file):
                yield path
            continue
        if record is None:
            data = read_file(hub, head, RUN_RECORD) if RUN_RECORD in files else None
            record = read_record(data)
        if path == RUN_RECORD and record:
            continue
        known = {left.get(path), f"sha256:{record.get('files', {}).get(path)}"}
        if not known & _names(hub, head, path, files[path]):
            yield path


def _names(hub: Hub, head: Head, path: str, there: str) -> set[str]:
    """Both names of a content; a file that is not in LFS is read for its SHA-256."""
    if there.startswith("sha256:"):
        return {there}
    data = read_file(hub, head, path) or b""
    return {there, f"sha256:{hashlib.sha256(data).hexdigest()}"}


def list_files(hub: Hub, head: Head) -> dict[str, str]:
    """Every file at `head` by its path: `sha256:…` in LFS, else `git:…`."""
    path = hub.repo(head.repo_id, "revision", head.sha)
    response = hub.answer("GET", path, head.repo_id, params={"blobs": "true"})
    siblings = told(_readable(response, head), head.repo_id, dict).get("siblings", [])
    return {
        item["rfilename"]: f"sha256:{item['lfs']['sha256']}"
        if item.get("lfs")
        else f"git:{item['blobId']}"
        for item in siblings
    }


def read_file(hub: Hub, head: Head, path: str, revision: str | None = None) -> bytes | None:
    """A small file at `head`, or at another revision; None where there is none.

    Raises UnreadableError when the repository went meanwhile, is gated for this token, or holds a
    README that no Hub shows.
    """
    address = f"/{quote(head.repo_id)}/resolve/{revision or head.sha}/{quote(path)}"
    response = hub.answer("GET", address, head.repo_id, budget="resolvers")
    if response.headers.get("X-Error-Code") == "EntryNotFound":
        return None
    data: bytes = _readable(response, head).content
    if path == README and len(data) > MAX_README:
        raise UnreadableError(f"{path} is larger than {MAX_README >> 20} MiB", where=head.repo_id)
    return data


def _readable(response: Response, head: Head) -> Response:
    code = response.headers.get("X-Error-Code")
    if response.status_code == 404 or code in ("RepoNotFound", "RevisionNotFound"):
        what = "was removed, renamed or hidden while it was looked at: run again"
        raise UnreadableError(what, where=head.repo_id)
    if response.status_code == 403 or code == "GatedRepo":
        raise UnreadableError("may not be read with this token", where=head.repo_id)
    return good(response, head.repo_id)
