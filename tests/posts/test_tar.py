"""What is wrong with a tar is one SourceError."""

from __future__ import annotations

import gzip
import random
import tarfile
from pathlib import Path

import pytest

from hubtools.core.errors import SourceError
from hubtools.posts.formats.container import ArchiveLimits
from hubtools.posts.registry import read_source
from tests.posts.conftest import Golden
from tests.posts.exports import note, outbox, write_tar

GOOD = {"outbox.json": outbox(note("hello"))}


def refusal(source: str, limits: ArchiveLimits | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read_source(source, limits)
    assert caught.value.where
    return caught.value


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_packed_or_not(mode: str, tmp_path: Path) -> None:
    found = read_source(write_tar(tmp_path / "a.bin", GOOD, mode))
    assert [post.text for post in found.posts] == ["hello"]


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "C:/x"])
def test_a_name_that_leads_out(name: str, tmp_path: Path, golden: Golden) -> None:
    golden(refusal(write_tar(tmp_path / "a", {**GOOD, name: "evil"})))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link(kind: bytes, tmp_path: Path, golden: Golden) -> None:
    info = tarfile.TarInfo("outbox.json")
    info.type, info.linkname = kind, "/etc/passwd"
    with tarfile.open(tmp_path / "a", "w") as archive:
        archive.addfile(info)
    golden(refusal(str(tmp_path / "a")))


def test_devices_and_pipes_are_no_members(tmp_path: Path, golden: Golden) -> None:
    info = tarfile.TarInfo("outbox.json")
    info.type = tarfile.FIFOTYPE
    with tarfile.open(tmp_path / "a", "w") as archive:
        archive.addfile(info)
    golden(refusal(str(tmp_path / "a")))


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_tar_cut_anywhere_reads_the_same_or_is_refused(mode: str, tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(2_000)
    data = Path(write_tar(tmp_path / "a", {**GOOD, "b.jpg": noise}, mode)).read_bytes()
    cut = tmp_path / "cut"
    for size in range(300, len(data), 37):
        cut.write_bytes(data[:size])
        try:
            assert [post.text for post in read_source(str(cut)).posts] == ["hello"]
        except SourceError:
            continue


def test_a_single_file_that_is_packed(tmp_path: Path, golden: Golden) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b'{"text": "hello"}\n' * 100))
    golden(refusal(str(tmp_path / "a.gz")))


def test_a_member_that_is_too_large(tmp_path: Path, golden: Golden) -> None:
    source = write_tar(tmp_path / "a", {"outbox.json": " " * 100_000})
    golden(refusal(source, ArchiveLimits(member=50_000)))


def test_a_bomb_is_given_up(tmp_path: Path, golden: Golden) -> None:
    source = write_tar(tmp_path / "a", {"z": " " * (8 << 20), **GOOD})
    golden(refusal(source, ArchiveLimits(total=1_000)))


def test_a_header_that_would_fill_the_memory(tmp_path: Path) -> None:
    header = tarfile.TarInfo("long")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    with tarfile.open(tmp_path / "a", "w") as archive:
        archive.fileobj.write(header.tobuf(tarfile.GNU_FORMAT))  # type: ignore[union-attr]
    assert "a header of more than a megabyte" in refusal(str(tmp_path / "a")).what


def test_more_entries_than_any_archive_has(tmp_path: Path, golden: Golden) -> None:
    source = write_tar(tmp_path / "a", {str(n): "" for n in range(30)})
    golden(refusal(source, ArchiveLimits(entries=20)))


def test_members_that_are_not_needed_are_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    original = tarfile.TarFile.extractfile

    def spy(self: tarfile.TarFile, member: tarfile.TarInfo) -> object:
        opened.append(member.name)
        return original(self, member)

    monkeypatch.setattr(tarfile.TarFile, "extractfile", spy)
    source = write_tar(tmp_path / "a", {"likes.json": "x", "bookmarks.json": "x", **GOOD})
    assert [post.text for post in read_source(source).posts] == ["hello"]
    assert set(opened) == {"outbox.json"}
