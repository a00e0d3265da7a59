"""Every input that cannot be read is one SourceError that says where, what and what to do."""

from __future__ import annotations

import os
import random
import stat
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hubtools.core.errors import SourceError
from hubtools.posts.formats.container import ArchiveLimits
from hubtools.posts.registry import read_source
from tests.conftest import Unprivileged
from tests.posts.archives import account_js, tweet, tweets_js, write_folder, write_zip
from tests.posts.conftest import Golden

PREFIX = "window.YTD.tweets.part0 = "
GOOD = {"data/account.js": account_js(), "data/tweets.js": tweets_js(tweet("hello"))}

FILES = {
    "an empty file": (b"", "posts"),
    "spaces": (b" \n\n ", "posts"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "posts"),
    "a web page": (b"<!DOCTYPE html>\n<p>a, b</p>", "posts"),
    "a document": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\x01\x02 obj\n", "posts"),
    "an empty list": (b"[]", "posts"),
    "a list cut off": (b'[\n{"text": "a"},\n{"text": "b', "posts:3"),
    "a list without end": (b'[{"text": "a"}\n', "posts:2"),
    "a trailing comma": (b'[{"text": "a"},\n]', "posts:2"),
    "a second list": (b'[{"text": "a"}]\n[]', "posts:2"),
    "a broken line": (b'{"text": "a"}\n{"text": "b"\n{"text": "c"}', "posts:2"),
    "unquoted keys": (b'[{\ntext: "a"}]', "posts:2"),
    "an object without fields": (b"{}\n", "posts:1"),
    "a list of texts": (b'["a", "b"]', "posts:1"),
    "other fields": (b'{"body": "a", "by": "b"}', "posts:1"),
    "a text that is none": (b'{"text": ["a"]}', "posts:1"),
    "deep nesting": (b"[" * 100_000, "posts:1"),
    "deep nesting in a record": (b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "posts:1"),
    "a huge number": (b'{"text": "a", "id": ' + b"9" * 5000 + b"}", "posts:1"),
    "NUL bytes": (b'{"text": "a"}\n{"text": "\0"}', "posts:2"),
    "UTF-16": ("text,id\na,1\n".encode("utf-16"), "posts"),
    "a header alone": (b"text,id\n", "posts"),
    "no column of posts": (b"id,body\n1,a\n", "posts:1"),
    "a row too long": (b"text,id\na,1\nb,2,3\n", "posts:3"),
    "a row too short": (b"text,id\na,1\nb\n", "posts:3"),
    "a quote not closed": (b'text,id\na,1\n"b,2\nc,3\n', "posts:3"),
    "a quote in between": (b'text,id\na,1\n"b"c",2\n', "posts:3"),
    "a huge field": (b"text,id\na,1\n" + b"b" * (2 << 20) + b",2\n", "posts:3"),
    "another list of the archive": (b"window.YTD.follower.part0 = []", "posts"),
    "a broken tweets.js": (
        (PREFIX + '[\n{"tweet": {"full_text": "a"}},\n{"tweet" {}}]').encode(),
        "posts:3",
    ),
    "a tweet without text": ((PREFIX + '[{"tweet": {}}]').encode(), "posts:1"),
    "a tweets.js of no tweets": ((PREFIX + "[1]").encode(), "posts:1"),
    "a tweets.js without a list": (PREFIX.encode(), "posts"),
}


def refusal(source: Path | str, limits: ArchiveLimits | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_source(str(source), limits)
    assert caught.value.where, "the error says where"
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_read(case: str, tmp_path: Path, golden: Golden) -> None:
    data, where = FILES[case]
    (tmp_path / "posts").write_bytes(data)
    error = refusal(tmp_path / "posts")
    assert error.where == str(tmp_path / where)
    golden(error)


def test_a_path_that_leads_nowhere(tmp_path: Path, golden: Golden) -> None:
    golden(refusal(tmp_path / "gone.zip"))


def test_an_empty_path_is_not_this_folder(golden: Golden) -> None:
    golden(refusal(""))


def test_a_pipe_is_neither_file_nor_folder(tmp_path: Path, golden: Golden) -> None:
    os.mkfifo(tmp_path / "pipe")
    golden(refusal(tmp_path / "pipe"))


def test_a_file_without_permission(
    tmp_path: Path, unprivileged: Unprivileged, golden: Golden
) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("text\nhello\n")
    file.chmod(0)
    with unprivileged():
        golden(refusal(file))


def test_what_the_system_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("text\nhello\n")

    def refuse(self: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(file).where == str(file)


@pytest.mark.parametrize("write", [write_zip, write_folder])
@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"readme.txt": "hello"}, "a"),
        ({"data/follower.js": "window.YTD.follower.part0 = []"}, "a"),
        ({"data/manifest.js": "window.__THAR_CONFIG = {}"}, "a"),
        ({"data/manifest.js": "window.__THAR_CONFIG = {\n,}"}, "data/manifest.js:2"),
        ({"data/tweets.js": ""}, "a"),
        ({"data/tweets.js": f"{PREFIX}[\n{{"}, "data/tweets.js:2"),
        ({"data/tweets.js/x": "a folder"}, "a"),
        ({"a/data/tweets.js": "", "b/data/tweets.js": ""}, "a"),
    ],
)
def test_an_archive_without_readable_tweets(
    write: Callable[[Path, dict[str, str]], str],
    members: dict[str, str],
    where: str,
    tmp_path: Path,
    golden: Golden,
) -> None:
    error = refusal(write(tmp_path / "a", members))
    assert str(error.where).endswith(where)
    golden(error)


def test_an_empty_folder(tmp_path: Path, golden: Golden) -> None:
    golden(refusal(tmp_path))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_zip_cut_in_the_middle(share: float, tmp_path: Path, golden: Golden) -> None:
    noise = random.Random(1).randbytes(100_000)
    whole = Path(write_zip(tmp_path / "a.zip", {**GOOD, "data/tweets_media/a.jpg": noise}))
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * share)])
    golden(refusal(whole))


def test_every_single_cut_is_refused(tmp_path: Path) -> None:
    data = Path(write_zip(tmp_path / "a.zip", GOOD)).read_bytes()
    cut = tmp_path / "cut.zip"
    for size in range(len(b"PK\x03"), len(data)):
        cut.write_bytes(data[:size])
        refusal(cut)


def test_every_flipped_byte_is_read_the_same_or_refused(tmp_path: Path) -> None:
    """Whatever is damaged, there is no traceback and no wrong text."""
    good = bytearray(Path(write_zip(tmp_path / "a.zip", GOOD)).read_bytes())
    broken = tmp_path / "broken.zip"
    for place in range(0, len(good), 3):
        flipped = bytearray(good)
        flipped[place] ^= 0x55
        broken.write_bytes(flipped)
        try:
            posts = list(read_source(str(broken)).posts)
        except SourceError:
            continue
        assert [post.text for post in posts] == ["hello"]


@pytest.mark.parametrize(
    "name", ["../tweets.js", "/etc/passwd", "data/../../x", "C:/x", "..\\x", "data/..\\..\\x"]
)
def test_a_name_that_leads_out_of_the_zip(name: str, tmp_path: Path, golden: Golden) -> None:
    source = write_zip(tmp_path / "a.zip", {**GOOD, name: "evil"})
    golden(refusal(source))
    assert not (tmp_path.parent / "tweets.js").exists()


def test_a_symbolic_link_in_the_zip(tmp_path: Path, golden: Golden) -> None:
    link = zipfile.ZipInfo("data/account.js")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data/tweets.js", GOOD["data/tweets.js"])
        archive.writestr(link, "/etc/passwd")
    golden(refusal(tmp_path / "a.zip"))


@pytest.mark.parametrize("name", ["data/account.js", "data/tweets.js", "data"])
def test_a_symbolic_link_out_of_the_folder(name: str, tmp_path: Path, golden: Golden) -> None:
    outside = Path(write_folder(tmp_path / "outside", GOOD))
    home = Path(write_folder(tmp_path / "home", {} if name == "data" else GOOD))
    home.mkdir(exist_ok=True)
    (home / name).unlink(missing_ok=True)
    (home / name).symlink_to(outside / name)
    golden(refusal(home))


def test_links_to_what_is_not_needed_do_no_harm(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "home", GOOD)
    (tmp_path / "home" / "data" / "tweets_media").symlink_to("/usr")
    (tmp_path / "home" / "python").symlink_to(sys.executable)
    assert [post.text for post in read_source(source).posts] == ["hello"]


def test_a_symbolic_link_within_the_folder_is_followed(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "a", {"kept/elsewhere.js": GOOD["data/tweets.js"]})
    (tmp_path / "a" / "data").mkdir()
    (tmp_path / "a" / "data" / "tweets.js").symlink_to("../kept/elsewhere.js")
    assert [post.text for post in read_source(source).posts] == ["hello"]


def test_an_encrypted_member(tmp_path: Path, golden: Golden) -> None:
    file = Path(write_zip(tmp_path / "a.zip", GOOD))
    data = bytearray(file.read_bytes())
    for mark, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        at = data.find(mark)
        while at >= 0:
            data[at + offset] |= 1
            at = data.find(mark, at + 4)
    file.write_bytes(data)
    golden(refusal(file))


def test_an_unknown_compression(tmp_path: Path, golden: Golden) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("data/tweets.js", GOOD["data/tweets.js"])
    golden(refusal(tmp_path / "a.zip"))


def zeros(path: Path, size: int, start: str = PREFIX + "[") -> Path:
    """A zip whose tweets.js unpacks to `size` bytes of spaces, and is a thousandth of that."""
    piece = b" " * (1 << 20)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("data/tweets.js", "w") as member,
    ):
        member.write(start.encode())
        for _ in range(size // len(piece)):
            member.write(piece)
    return path


def declare(file: Path, size: int) -> None:
    """Let the zip's directory say that its first member has `size` bytes."""
    data = bytearray(file.read_bytes())
    at = data.find(b"PK\x01\x02")
    struct.pack_into("<L", data, at + 24, size)
    file.write_bytes(data)


def test_a_bomb_is_refused_for_what_it_declares(tmp_path: Path, golden: Golden) -> None:
    bomb = zeros(tmp_path / "bomb.zip", 1 << 20)
    declare(bomb, 0xFFFFFFF0)
    golden(refusal(bomb))


def test_a_bomb_that_lies_about_its_size_is_refused(tmp_path: Path, golden: Golden) -> None:
    bomb = zeros(tmp_path / "bomb.zip", 8 << 20)
    declare(bomb, 1000)
    golden(refusal(bomb))


def test_a_bomb_ends_early_and_in_flat_memory(tmp_path: Path) -> None:
    bomb = zeros(tmp_path / "bomb.zip", 256 << 20)
    assert bomb.stat().st_size < 2 << 20
    tracemalloc.start()
    refusal(bomb)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


def test_a_record_without_end_is_given_up_in_flat_memory(tmp_path: Path, golden: Golden) -> None:
    bomb = zeros(tmp_path / "bomb.zip", 64 << 20, PREFIX + '[{"tweet": {"full_text": "')
    golden(refusal(bomb, ArchiveLimits(record=1_000_000)))


def test_the_limit_holds_for_all_members_together(tmp_path: Path, golden: Golden) -> None:
    parts = {f"data/tweets-part{n}.js": tweets_js(tweet("a" * 600, n)) for n in range(4)}
    source = write_zip(tmp_path / "a.zip", parts)
    error = refusal(source, ArchiveLimits(total=2_000))
    assert str(error.where).endswith("data/tweets-part2.js")
    golden(error)
