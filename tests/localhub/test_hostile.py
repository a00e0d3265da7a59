"""Names, paths and uploads that try to break out."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi

from tests.localhub.conftest import check_consistency


@pytest.mark.parametrize(
    "name",
    [
        *("..", ".", "a/b", "/a", "a..b", "a--b", "-a", "a.", "a.git", "", " ", "a b", "a\n"),
        *("a\x00", "ä", "a" * 97, "%2e%2e", "..\\a", None, 7, {"a": 1}, "\ud800"),
    ],
)
def test_names_that_are_refused(url: str, name: object) -> None:
    for body in ({"name": name}, {"name": "fine", "organization": name or "-"}):
        # `json=` of the test's client refuses lone surrogates; the wire does not.
        answer = httpx2.post(f"{url}/api/repos/create", content=json.dumps(body))
        assert answer.status_code == 400, body
        assert answer.json()["error"]
    assert httpx2.get(f"{url}/api/models").json() == []


@pytest.mark.parametrize("namespace", ["api", "datasets", "spaces", "Models"])
def test_namespaces_that_are_addresses(url: str, namespace: str) -> None:
    body = {"name": "x", "organization": namespace}
    assert httpx2.post(f"{url}/api/repos/create", json=body).status_code == 400


def _commit(url: str, *lines: dict[str, object], **more: object) -> httpx2.Response:
    header = {"key": "header", "value": {"summary": "x", "description": "", **more}}
    body = "".join(json.dumps(line) + "\n" for line in (header, *lines))
    headers = {"Content-Type": "application/x-ndjson"}
    address = f"{url}/api/models/me/m/commit/main"
    return httpx2.post(address, content=body, headers=headers)


def _file(path: object, content: bytes = b"x") -> dict[str, object]:
    value = {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}
    return {"key": "file", "value": value}


@pytest.mark.parametrize(
    "path",
    [
        *("../x", "/etc/passwd", "a/../../x", "a//b", "./a", "a/.", "", ".git/config"),
        *("a/.GIT/hooks/x", "a\\..\\b", "a\x00b", "a\nb", "x" * 1100, "\ud800"),
    ],
)
def test_paths_that_are_refused(api: HfApi, url: str, hub_root: Path, path: str) -> None:
    api.create_repo("me/m")
    before = api.model_info("me/m").sha
    for key in ("file", "lfsFile", "deletedFile", "deletedFolder"):
        line = {"key": key, "value": {**_file(path)["value"], "oid": "0" * 64}}  # type: ignore[dict-item]
        assert _commit(url, line).status_code == 400
    assert api.model_info("me/m").sha == before
    assert not list((hub_root / "incoming").rglob("*"))


def test_commits_that_make_no_sense(api: HfApi, url: str) -> None:
    api.create_repo("me/m")
    before = api.model_info("me/m").sha
    bad_base64 = {"key": "file", "value": {"path": "a", "content": "%%%", "encoding": "base64"}}
    missing = {"key": "lfsFile", "value": {"path": "a.bin", "oid": "0" * 64, "size": 3}}
    assert _commit(url, bad_base64).status_code == 400
    assert _commit(url, missing).status_code == 400
    assert _commit(url, {"key": "dance", "value": {"path": "a"}}).status_code == 400
    assert _commit(url, _file("a"), _file("a/b")).status_code == 400
    assert _commit(url, _file("big", bytes(11 << 20))).status_code == 413
    assert _commit(url, {"key": "file", "value": 3}).status_code == 400
    address = f"{url}/api/models/me/m/commit/main"
    assert httpx2.post(address, content=b"{").status_code == 400
    assert httpx2.post(address, content=b"[" * 100_000).status_code == 400
    assert httpx2.post(address, content=b"\xff\xfe\n").status_code == 400
    assert httpx2.post(address, content=b"").status_code == 400
    assert api.model_info("me/m").sha == before


def test_a_title_that_utf8_cannot_carry(api: HfApi, url: str) -> None:
    api.create_repo("me/m")
    assert _commit(url, _file("a"), summary="\ud800 broken\n<b>").is_success
    assert httpx2.get(f"{url}/me/m/commits/main").is_success
    assert api.list_repo_commits("me/m", formatted=True)[0].formatted_title is not None


def _batch(url: str, oid: str, size: int) -> dict[str, object]:
    body = {"operation": "upload", "objects": [{"oid": oid, "size": size}]}
    answer = httpx2.post(f"{url}/me/m.git/info/lfs/objects/batch", json=body)
    (item,) = answer.json()["objects"]
    return dict(item)


def test_an_upload_must_be_what_it_was_announced_as(api: HfApi, url: str, hub_root: Path) -> None:
    api.create_repo("me/m")
    content = b"weights" * 1000
    oid = hashlib.sha256(content).hexdigest()
    actions = _batch(url, oid, len(content))["actions"]
    href = actions["upload"]["href"]  # type: ignore[index]
    verify = actions["verify"]["href"]  # type: ignore[index]
    for wrong in (content[:-1], content + b"x", b"W" + content[1:]):
        assert httpx2.put(href, content=wrong).status_code == 422
    assert httpx2.post(verify, json={"oid": oid, "size": len(content)}).status_code == 404
    for forged in (href.replace("signature=", "signature=0"), href.replace(oid, "0" * 64)):
        assert httpx2.put(forged, content=content).status_code == 403
    assert not list((hub_root / "incoming").iterdir())
    assert httpx2.put(href, content=content).status_code == 200
    assert httpx2.post(verify, json={"oid": oid, "size": len(content)}).status_code == 200
    assert "actions" not in _batch(url, oid, len(content))
    assert "error" in _batch(url, oid, 3)
    line = {"key": "lfsFile", "value": {"path": "m.bin", "oid": oid, "size": 3}}
    assert _commit(url, line).status_code == 400
    check_consistency(hub_root)


@pytest.mark.parametrize(
    "path",
    [
        *("/me/m/resolve/main/../../../hub.sqlite3", "/me/m/resolve/main/%2e%2e%2fhub.sqlite3"),
        *("/-/style.css/..%2f..%2fpyproject.toml", "/-/%2e%2e/pyproject.toml", "/me/%00/x"),
        *("/me/m/resolve/main/%ff%fe", "/%2Fetc%2Fpasswd", "/me%2Fm", "//evil.example/x"),
        *("/me/%00", "/api/models/me/%0d%0aX-Evil:%201", "/api/models/me/%F0%9F%A4%96/tree/main"),
    ],
)
def test_addresses_that_lead_nowhere(api: HfApi, url: str, path: str) -> None:
    import http.client

    api.create_repo("me/m")
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", path)
    assert connection.getresponse().status == 404


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=-1", "limit=x", "limit=²", "cursor=%00", "cursor=bm8=", "sort=luck"),
        "expand=everything",
    ],
)
def test_queries_that_are_refused(url: str, query: str) -> None:
    assert httpx2.get(f"{url}/api/models?{query}").status_code == 400


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join('*' + chr(97 + n) for _ in range(9))}]\n"
    for n in range(8)
)


@pytest.mark.parametrize(
    "front_matter",
    [
        *("a: [", "- a\n- b", "{{ x }}", "a: &a [*a]", "x: .nan", "? [1, 2]\n: 3", BOMB),
        *(
            "[" * 200_000,
            "- " * 200_000,
            "\n".join(f"{' ' * n}a:" for n in range(2000)),
            "a: !!python/object:os.system x",
            "just text",
            "\t- x",
        ),
    ],
)
def test_front_matter_that_cannot_be_read_is_empty(api: HfApi, url: str, front_matter: str) -> None:
    api.create_repo("me/m")
    readme = f"---\n{front_matter}\n---\n# Title stands\n".encode()
    assert _commit(url, _file("README.md", readme)).is_success
    assert api.model_info("me/m").card_data is None
    page = httpx2.get(f"{url}/me/m")
    assert page.status_code == 200
    assert "Title stands" in page.text


def test_front_matter_of_strange_types(api: HfApi, url: str) -> None:
    api.create_repo("me/m")
    text = "tags: {a: 1}\nlanguage: [no, en, 3]\nlicense: 2021-08-29\nbase_model: 7\n"
    text += 'library_name: "\\ud800"'
    assert _commit(url, _file("README.md", f"---\n{text}\n---\n".encode())).is_success
    assert "en" in (api.model_info("me/m").tags or [])
    assert httpx2.get(f"{url}/me/m").status_code == httpx2.get(url).status_code == 200


def test_contents_cannot_run_in_a_browser(api: HfApi, url: str) -> None:
    api.create_repo("me/m")
    evil = b"<script>alert(1)</script>"
    assert _commit(url, *(_file(name, evil) for name in ("a.html", "a.svg", "a.js"))).is_success
    for name in ("a.html", "a.svg", "a.js"):
        answer = httpx2.get(f"{url}/me/m/resolve/main/{name}")
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "html" not in answer.headers["Content-Type"]
