"""Build harbourlog.zip, the archive of an invented account in the export format of X.

    python examples/make_archive.py [--out examples/harbourlog.zip]

The same Python version always writes the same bytes.
"""

from __future__ import annotations

import argparse
import io
import zipfile
from pathlib import Path

from harbour.archive import (
    ACCOUNT_ID,
    AVATAR,
    HANDLE,
    NAME,
    Desk,
    account,
    assignment,
    dashed,
    manifest,
    private,
    profile,
)
from harbour.picture import avatar
from harbour.posts import Author

SEED = 41
STAMP = (2024, 12, 24, 12, 0, 0)
PAGE = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Your archive</title>
<h1>{NAME} (@{HANDLE})</h1>
<p>A made-up account for hubtools. The posts are in data/tweets.js; the heron has read them.</p>
</html>
"""
README = "The layout follows the archives that X hands out. Everything in this one is invented.\n"


def members() -> dict[str, bytes]:
    """The files of the archive, by their names in it."""
    author = Author(SEED)
    desk = Desk(author)
    tweets = desk.tweets(author.drafts())
    contents = {
        "account": account(),
        "profile": profile(),
        "tweets": tweets,
        "noteTweet": desk.notes,
        **private(),
    }
    files = {}
    for name, items in contents.items():
        file = dashed(name)
        text = assignment(f"YTD.{file.replace('-', '_')}.part0", items)
        files[f"data/{file}.js"] = text.encode()
    files[f"data/profile_media/{ACCOUNT_ID}-{AVATAR}"] = avatar()
    size = sum(map(len, files.values()))
    listing = assignment("__THAR_CONFIG", manifest(contents, size)).encode()
    top = {"Your archive.html": PAGE.encode(), "data/README.txt": README.encode()}
    return {**top, "data/manifest.js": listing, **files}


def zipped(files: dict[str, bytes]) -> bytes:
    """One zip whose dates and permissions are always the same."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, body in files.items():
            info = zipfile.ZipInfo(name, STAMP)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, body)
    return out.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the archive of a made-up account.")
    default = Path(__file__).with_name("harbourlog.zip")
    parser.add_argument("--out", type=Path, default=default, help="the zip (default: %(default)s)")
    out: Path = parser.parse_args().out
    body = zipped(members())
    out.write_bytes(body)
    print(f"{out}: {len(body):,} bytes")


if __name__ == "__main__":
    main()
