"""The exported site: from a disk, from a folder of a web server, as a Space."""

from __future__ import annotations

import functools
import http.server
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from huggingface_hub import RepoCard

from hubtools.core.cancel import CancelledError, CancelToken
from hubtools.core.errors import UsageError
from hubtools.core.events import Progress, Reporter
from hubtools.localhub.export import ExportResult, SiteOptions, write_site
from hubtools.localhub.store import Store
from hubtools.localhub.types import RepoId
from tests.cards.samples import HARBOUR
from tests.localhub.conftest import Visit
from tests.localhub.models import put, put_model
from tests.makers import command

AXE = {"preload": False}  # it would read style sheets over a connection that the pages forbid


@pytest.fixture
def hub(root: Path) -> Iterator[Store]:
    """A Hub with 26 models, so with two pages of them, one hostile and one private."""
    store = Store(root)
    for number in range(23):
        put(store, f"me/m{number:02}", {"README.md": b"---\ntags: [sea]\n---\n# A model"})
    put(store, "me/odd", {"a#b?c%d é.txt": b"odd", "page.html": b"<script>1</script>"})
    put_model(store, "quay/log", card=replace(HARBOUR, tags=("huggingtweets", "a&b")))
    put(store, "quay/log", {"model.safetensors": bytes(3 << 20)}, "Weights <b>")
    put(store, "me/secret", {"README.md": b"# Nobody's business"})
    store.configure(RepoId("me", "secret"), private=True, gated=None)
    yield store
    store.close()


def write(hub: Store, out: Path, **options: object) -> ExportResult:
    return write_site(hub, out, SiteOptions(**options), Reporter(), CancelToken())


def files(out: Path) -> dict[str, bytes]:
    return {
        file.relative_to(out).as_posix(): file.read_bytes()
        for file in out.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address of a web server over the test's folder."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_every_link_leads_to_a_file_of_the_site(hub: Store, tmp_path: Path) -> None:
    out = tmp_path / "site"
    write(hub, out, pictures=True)
    pages = {path: text.decode() for path, text in files(out).items() if path.endswith(".html")}
    for page, text in pages.items():
        for address in re.findall(r'(?:href|src|action)="([^"#]+)', text):
            parts = urlsplit(address.replace("&amp;", "&"))
            if parts.scheme:
                assert parts.scheme == "https", (page, address)
                continue
            target = (out / page).parent / unquote(parts.path)
            assert target.resolve().is_relative_to(out.resolve()), (page, address)
            assert target.is_file(), (page, address)
    assert (out / "me/odd/files/a#b?c%d é.txt").read_bytes() == b"odd"


def test_private_models_and_weights_stay_here(hub: Store, tmp_path: Path) -> None:
    out = tmp_path / "site"
    done = write(hub, out)
    assert (done.models, done.written, done.left_out) == (25, 25, 1)
    held = files(out)
    assert not any(b"secret" in data or "secret" in path for path, data in held.items())
    assert "quay/log/files/model.safetensors" not in held
    assert "not exported" in held["quay/log/files.html"].decode()
    # Nothing that a browser would run on the site's own address.
    assert "me/odd/files/page.html" not in held
    write(hub, out, all_files=True)
    assert (out / "quay/log/files/model.safetensors").stat().st_size == 3 << 20


@pytest.mark.parametrize("way", ["file", "sub-path"])
def test_it_works_from_a_disk_and_below_a_path(
    hub: Store, tmp_path: Path, visit: Visit, served: str, way: str
) -> None:
    write(hub, tmp_path / "deep" / "site", title="Quiet <Water>")
    start = (tmp_path / "deep/site").as_uri() if way == "file" else f"{served}/deep/site"
    page = visit(f"{start}/index.html")
    assert page.locator(".brand").inner_text().strip() == "Quiet <Water>"
    assert page.locator(".tile").count() == 24
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**/2.html")
    assert page.locator(".tile").count() == 1
    assert Axe().run(page, options=AXE).violations_count == 0
    page.get_by_role("searchbox").fill("SEA me")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=SEA+me")
    assert page.locator("#count").inner_text() == "23"
    found = Axe().run(page, options=AXE)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("link", name="Name", exact=True).click()
    page.wait_for_url("**sort=name")
    assert page.locator(".tile h2").first.inner_text() == "me/m00"
    page.get_by_role("searchbox").fill("log")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=log")
    page.get_by_role("link", name="quay/log").click()
    page.wait_for_url("**/quay/log/index.html")
    assert page.locator(".readme img").first.evaluate("image => image.naturalWidth") == 1200
    page.get_by_role("link", name="a&b").click()
    page.wait_for_url("**tag=a%26b")
    assert page.locator(".tile h2").all_inner_texts() == ["quay/log"]


def test_without_javascript_only_searching_is_missing(
    hub: Store, tmp_path: Path, visit: Visit
) -> None:
    write(hub, tmp_path / "site")
    page = visit((tmp_path / "site/index.html").as_uri(), java_script_enabled=False)
    page.get_by_role("link", name="quay/log").click()
    page.wait_for_url("**/quay/log/index.html")
    page.get_by_role("link", name="History").click()
    page.get_by_role("link", name="Weights <b>").click()
    page.wait_for_url("**/commit/*")
    page.get_by_role("searchbox").fill("log")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html*")
    assert page.locator("noscript a").get_attribute("href") == "index.html"


def test_it_is_a_static_space(hub: Store, tmp_path: Path) -> None:
    write(hub, tmp_path / "site", title='A "quoted": title')
    data = RepoCard.load(tmp_path / "site/README.md").data
    assert (data["sdk"], data["title"]) == ("static", 'A "quoted": title')


def test_previews_get_whole_addresses_when_they_are_known(hub: Store, tmp_path: Path) -> None:
    write(hub, tmp_path / "a", pictures=True, url="https://me.example/models/")
    page = (tmp_path / "a/quay/log/share/1.html").read_text()
    address = "https://me.example/models/quay/log/share/1.png"
    assert f'<meta property="og:image" content="{address}">' in page
    assert f'<meta property="og:url" content="{address.removesuffix("png")}html">' in page
    assert (tmp_path / "a/quay/log/share/1.png").read_bytes()[:4] == b"\x89PNG"
    write(hub, tmp_path / "b", pictures=True)
    page = (tmp_path / "b/quay/log/share/1.html").read_text()
    assert "og:image" not in page and "og:url" not in page


def test_again_it_writes_what_changed_and_takes_away_what_is_gone(
    hub: Store, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    write(hub, out)
    before = files(out)
    assert write(hub, out) == ExportResult(models=25, written=0, removed=0, left_out=1)
    assert files(out) == before
    put(hub, "quay/log", {"README.md": b"# Another card"})
    hub.delete(RepoId("me", "m00"))
    hub.configure(RepoId("me", "m01"), private=True, gated=None)
    (out / ".git").mkdir()
    done = write(hub, out)
    assert (done.models, done.written, done.removed) == (23, 1, 2)
    assert not (out / "me/m00").exists() and not (out / "me/m01").exists()
    assert not (out / "-/page/2.html").exists() and (out / ".git").is_dir()
    assert "Another card" in (out / "quay/log/index.html").read_text()
    assert "m01" not in (out / "-/models.js").read_text()


def test_after_an_interruption_nothing_is_left_behind(hub: Store, tmp_path: Path) -> None:
    out = tmp_path / "site"

    cancel = CancelToken()

    def stop_halfway(event: object) -> None:
        if isinstance(event, Progress) and event.done == 12:
            cancel.cancel()

    with pytest.raises(CancelledError):
        write_site(hub, out, SiteOptions(), Reporter((stop_halfway,)), cancel)
    assert sum(1 for _ in out.glob("*/*/index.html")) == 12
    hub.delete(RepoId("me", "m00"))
    assert write(hub, out).models == 24
    assert not (out / "me/m00").exists()
    whole = tmp_path / "whole"
    write(hub, whole)
    assert files(out) == files(whole)


def test_other_folders_are_left_alone(hub: Store, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError):
        write(hub, tmp_path)
    with pytest.raises(UsageError):
        write(hub, tmp_path / "thesis.txt")


def test_as_a_command(hub: Store, root: Path, tmp_path: Path) -> None:
    done = command("hub", "export", "site", "--hub", root, "--json", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "folder": "site",
        "models": 25,
        "written": 25,
        "removed": 0,
        "left_out": 1,
    }
    wrong = command("hub", "export", "site", "--hub", "nowhere", cwd=tmp_path)
    assert (wrong.returncode, "--hub" in wrong.stderr) == (2, True)
    assert not (tmp_path / "nowhere").exists()
    wrong = command("hub", "export", "x", "--hub", root, "--url", "ftp://x", cwd=tmp_path)
    assert wrong.returncode == 2
