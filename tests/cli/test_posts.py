"""`hubtools posts` as a person and as a program calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.makers import command
from tests.posts.archives import account_js, tweet, tweets_js, write_zip

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Call hubtools in a folder of its own."""

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hubtools", "posts", *words]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False
        )

    return call


@pytest.fixture
def archive(tmp_path: Path) -> str:
    tweets = [
        tweet("The lamp is lit & turning ☕", 1),
        tweet("RT @bosun: the tide is in again", 2),
        tweet("lovely", 3),
        tweet("write to keeper@example.org about the lamp", 4),
    ]
    return write_zip(
        tmp_path / "archive.zip",
        {"data/tweets.js": tweets_js(*tweets), "data/account.js": account_js()},
    )


def test_stats_as_json_is_the_contract(run: Run, archive: str) -> None:
    done = run("stats", archive, "--json", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "accounts": [
            {
                "handle": "lampkeeper",
                "name": "Lamp & Keeper 🔦",
                "network": "x",
                "posts": {"downloaded": 4, "reposts": 1, "dropped": 1, "kept": 2},
                "reasons": {"fewer than three words": 1},
                "redacted": 1,
                "characters": 59,
            }
        ]
    }


def test_stats_for_a_person_is_a_table_and_notes_go_to_stderr(run: Run, archive: str) -> None:
    done = run("stats", archive)
    assert done.returncode == 0
    table = [line.rstrip() for line in done.stdout.splitlines()]
    assert table == [
        "                          @lampkeeper",
        "Downloaded                          4",
        "Reposts                             1",
        "Dropped                             1",
        "  fewer than three words            1",
        "Kept                                2",
        "Characters kept                    59",
        "Redacted                            1",
    ]
    assert "6,000" in done.stderr, "training would refuse so few"


def test_v_shows_what_was_done(run: Run, tmp_path: Path) -> None:
    lines = [
        {"text": "The lamp is lit: https://t.co/a", "lang": "en"},
        {"text": "just this", "lang": "en"},
        {"text": "call keeper@example.org", "lang": "en"},
        {"text": "a\x1b[31m line\nand another", "lang": "en"},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = run("stats", "p.jsonl", "-v")
    assert done.returncode == 0
    shown = done.stdout[done.stdout.index("Dropped:") :].splitlines()
    assert shown == [
        "Dropped: fewer than three words (2)",
        '  "just this"',
        "",
        "Changed: a link (1)",
        '  "The lamp is lit: https://t.co/a"',
        '    -> "The lamp is lit"',
        "",
        "Changed: invisible characters (1)",
        '  "a\\u001b[31m line\\nand another"',
        '    -> "a[31m line\\nand another"',
    ]
    assert "keeper@" not in done.stdout
    account = json.loads(run("stats", "p.jsonl", "-v", "--json").stdout)["accounts"][0]
    assert account["examples"]["a link"] == [
        {"before": "The lamp is lit: https://t.co/a", "after": "The lamp is lit"}
    ]


def test_the_predecessor_s_rules_on_request(run: Run, archive: str) -> None:
    done = run("stats", archive, "--cleaning", "huggingtweets", "--json")
    account = json.loads(done.stdout)["accounts"][0]
    assert account["reasons"] == {"fewer than three words of its own": 1}
    done = run("stats", archive, "--cleaning", "thorough")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'thorough'" in done.stderr and "voice, huggingtweets" in done.stderr


def test_one_language_where_the_source_says_it(run: Run, archive: str, tmp_path: Path) -> None:
    lines = [
        {"text": "the lamp is lit", "lang": "en"},
        {"text": "die Lampe ist an", "lang": "de"},
        {"text": "no one knows what this is", "lang": "und"},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    account = json.loads(run("stats", "p.jsonl", "--lang", "EN", "--json").stdout)["accounts"][0]
    assert account["posts"] == {"downloaded": 3, "reposts": 0, "dropped": 2, "kept": 1}
    assert account["reasons"] == {
        "in another language": 1,
        "in an unknown language": 1,
    }
    (tmp_path / "mute.csv").write_text("text\na post of four words\n", encoding="utf-8")
    done = run("stats", "mute.csv", "--lang", "en")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Error: mute.csv: " in done.stderr and "--lang" in done.stderr
    assert run("stats", "p.jsonl", "--lang", "English").returncode == 2


def test_several_sources_are_several_accounts(run: Run, archive: str, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("text\na post of four words\n", encoding="utf-8")
    done = run("stats", archive, "other.csv", "--json")
    accounts = json.loads(done.stdout)["accounts"]
    assert [account["handle"] for account in accounts] == ["lampkeeper", None]
    assert [account["network"] for account in accounts] == ["x", "file"]


EXPORTED = [
    {"text": "The lamp is lit & turning ☕", "account": "lampkeeper"},
    {"text": "write to [e-mail] about the lamp", "account": "lampkeeper"},
]


def test_export_writes_what_training_would_see(run: Run, archive: str, tmp_path: Path) -> None:
    done = run("export", archive, "-o", "out/posts.jsonl")
    assert (done.returncode, done.stdout) == (0, "")
    assert "Wrote 2 posts to out/posts.jsonl" in done.stderr
    lines = (tmp_path / "out" / "posts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == EXPORTED
    counted = json.loads(run("stats", "out/posts.jsonl", "--json").stdout)["accounts"][0]
    assert (counted["handle"], counted["posts"]["kept"]) == ("lampkeeper", 2)


def test_export_to_stdout_and_as_json(run: Run, archive: str) -> None:
    done = run("export", archive, "-o", "-", "-q")
    assert [json.loads(line) for line in done.stdout.splitlines()] == EXPORTED
    report = run("export", archive, "-o", "posts.jsonl", "--json", "-q")
    assert json.loads(report.stdout) == {"file": "posts.jsonl", "posts": 2}
    assert run("export", archive, "-o", "-", "--json").returncode == 2


def test_a_source_that_cannot_be_read_is_one_line_and_leaves_no_file(
    run: Run, archive: str, tmp_path: Path
) -> None:
    done = run("export", archive, "gone.zip", "-o", "posts.jsonl", "-q")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: gone.zip: ") and done.stderr.count("\n") == 1
    assert not (tmp_path / "posts.jsonl").exists()


def test_an_account_on_the_deny_list_is_refused(run: Run, archive: str, tmp_path: Path) -> None:
    (tmp_path / "hubtools.toml").write_text('[consent]\ndeny = "deny.txt"\n')
    (tmp_path / "deny.txt").write_text("x:LampKeeper\n")
    done = run("stats", archive)
    assert (done.returncode, done.stdout) == (7, "")
    assert "@lampkeeper" in done.stderr


def test_a_column_that_cannot_be_told_is_named(folder: Path) -> None:
    (folder / "log.csv").write_text("day,entry\n1,The heron counted all ropes\n")
    refused = command("posts", "stats", "log.csv", cwd=folder)
    assert refused.returncode == 1
    assert "day, entry" in refused.stderr
    told = command("posts", "stats", "log.csv", "--text-column", "entry", "--json", cwd=folder)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["accounts"][0]["posts"]["kept"] == 1


def test_unlisted_is_for_exports(folder: Path) -> None:
    result = command("posts", "stats", "mastodon:a@hub.example", "--unlisted", cwd=folder)
    assert result.returncode == 2
    assert "mastodon:a@hub.example: " in result.stderr
