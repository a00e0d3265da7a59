"""A README as safe HTML: Markdown and HTML as the Hub shows them, without anything active."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from hubtools.cards.frontmatter import split_front_matter
from hubtools.core.errors import CardError

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n.*?^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)
_TAGS_TEXT = """
a abbr b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn div dl
dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p picture pre q s samp
small source span strike strong sub summary sup table tbody td tfoot th thead tr tt u ul var wbr
"""
_TAGS = set(_TAGS_TEXT.split())
_ATTRIBUTES = {
    "*": {"align", "class", "dir", "height", "lang", "style", "title", "width"},
    "a": {"href"},
    "img": {"alt", "src"},
    "details": {"open"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
_STYLES_TEXT = """
align-items background-color background-image background-position background-repeat
background-size border border-radius color display flex flex-direction flex-wrap float font-size
font-style font-weight gap height justify-content line-height margin margin-bottom margin-left
margin-right margin-top max-height max-width min-height min-width object-fit padding
padding-bottom padding-left padding-right padding-top text-align text-decoration vertical-align
width
"""
_STYLES = set(_STYLES_TEXT.split())
# Classes of the Hub's style sheet that cards use; ours has the same names.
_CLASS = re.compile(
    r"flex|flex-col|flex-row|flex-wrap|inline-flex|items-center|justify-center|language-[\w+#-]+"
)
# Quotes and one level of parentheses, all of them closed.
_GROUPS = r"""|"[^"]*+"|'[^']*+'|\((?:[^()"']|"[^"]*+"|'[^']*+')*+\)"""
_STYLE = re.compile(rf"""(?:[^"'()]{_GROUPS})*+""")
_DECLARATION = re.compile(rf"""(?:[^;"'()]{_GROUPS})++""")
_FUNCTION = re.compile(r"([a-z-]+)\(", re.IGNORECASE)
_FUNCTIONS = frozenset({"url", "rgb", "rgba", "hsl", "hsla", "calc", "min", "max", "clamp"})
_URL = re.compile(r"""url\(\s*(["']?)(https://[^\s"'()\\<>]+)\1\s*\)""", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


# A tag as nh3 writes it: lower case, values in double quotes, which may hold `<` and `>`.
_TAG = re.compile(r'<(/?)([a-z0-9]+)((?:[^>"]|"[^"]*")*)>')
_MISSING_FILE = "#"
_REMOTE = re.compile(r'\bsrc="https:')
_MISSING = re.compile(rf'\bsrc="{_MISSING_FILE}"')
_ALT = re.compile(r'\balt="([^"]*)"')
_WIDTH = re.compile(r'\bwidth="(\d{1,4})"')


@dataclass(frozen=True, slots=True)
class RenderedReadme:
    """A README's HTML, and the hosts whose pictures were left out."""

    html: Markup
    blocked_hosts: tuple[str, ...]


def render_card(
    readme: str, files: str, *, remote: bool, paths: Collection[str] | None = None
) -> RenderedReadme:
    """The HTML of a README.

    Relative addresses are resolved below `files`, the address of the repository's files; a picture
    that is not among the repository's `paths` is replaced by its alternative text. So are pictures
    of other hosts unless `remote`, and then only https is allowed. Scripts, frames, forms,
    `javascript:` and everything else that acts or loads is removed.
    """
    hosts: dict[str, None] = {}

    def keep(tag: str, name: str, value: str) -> str | None:
        if name == "style":
            kept = [part for part in _declarations(value) if _is_safe(part)]
            hosts.update((_host(match[2]), None) for match in _URL.finditer(";".join(kept)))
            return ";".join(part for part in kept if remote or not _URL.search(part)) or None
        if name == "class":
            return " ".join(filter(_CLASS.fullmatch, value.split())) or None
        if name in ("href", "src"):
            address = _address(value, files, picture=tag == "img")
            if tag == "img" and address and address.startswith("https:"):
                hosts[_host(address)] = None
            if tag == "img" and address and paths is not None and address.startswith(f"{files}/"):
                path = unquote(address.removeprefix(f"{files}/").partition("?")[0])
                return address if path in paths else _MISSING_FILE
            return address
        return value

    html = nh3.clean(
        _to_html(readme),
        tags=_TAGS,
        clean_content_tags={"script", "style", "template", "noscript", "iframe", "object"},
        attributes=_ATTRIBUTES,
        attribute_filter=keep,
        filter_style_properties=_STYLES,
        url_schemes={"http", "https", "mailto"},
        id_prefix="card-",
        link_rel="noopener noreferrer nofollow",
    )
    finished = Markup(_TAG.sub(lambda match: _finished(match, remote=remote), html))
    return RenderedReadme(finished, () if remote else tuple(filter(None, hosts)))


def _finished(tag: re.Match[str], *, remote: bool) -> str:
    """A sanitized tag as the page shows it.

    Content that is wider than the page scrolls in a box of its own, which the keyboard can reach.
    """
    closing, name, attributes = tag.groups()
    if name == "table":
        return "</table></div>" if closing else f'<div class="scroll" tabindex="0">{tag[0]}'
    if name == "pre" and not closing:
        return f'<pre tabindex="0"{attributes}>'
    if name == "img" and (
        _MISSING.search(attributes) or (not remote and _REMOTE.search(attributes))
    ):
        alt, width = _ALT.search(attributes), _WIDTH.search(attributes)
        small = " small" if width and int(width[1]) <= 128 else ""
        words = alt[1] if alt and alt[1] else "Picture"
        return f'<span class="blocked-image{small}" role="img" aria-label="{words}">{words}</span>'
    return tag[0]


def _host(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _to_html(readme: str) -> str:
    try:
        text = split_front_matter(readme)[1]
    except (CardError, ValueError, RecursionError):
        text = _FRONT_MATTER.sub("", readme, count=1)
    markdown = MarkdownIt("gfm-like", {"html": True, "linkify": True})
    tokens = markdown.parse(text)
    _add_heading_ids(tokens)
    _empty_corners(tokens)
    return str(markdown.renderer.render(tokens, markdown.options, {}))


def _add_heading_ids(tokens: Sequence[Token]) -> None:
    seen: set[str] = set()
    for opening, content in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        slug = re.sub(r"[^\w\- ]", "", content.content.lower()).strip().replace(" ", "-")
        if slug and slug not in seen:
            seen.add(slug)
            opening.attrSet("id", slug)


def _empty_corners(tokens: Sequence[Token]) -> None:
    """Turn empty header cells into plain ones, which screen readers do not announce as headers."""
    for opening, content, closing in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if opening.type == "th_open" and not content.content.strip():
            opening.tag = closing.tag = "td"


def _address(value: str, files: str, *, picture: bool) -> str | None:
    text = _CONTROL.sub("", value) if picture else value.strip()
    if text.startswith("#"):
        return f"#card-{text[1:]}"
    if text.startswith(("//", "\\")):
        text = f"https:{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    if parts.scheme or parts.netloc:
        allowed = ("https",) if picture else ("https", "http", "mailto")
        return text if parts.scheme.lower() in allowed else None
    if parts.path.startswith("/"):
        return text if files.startswith("/") else None
    path = posixpath.normpath(parts.path or ".")
    if path.startswith(".."):
        return None
    place = f"{files}/{quote(path, safe='/%')}"
    return urlunsplit(("", "", place, parts.query, parts.fragment))


def _declarations(style: str) -> list[str]:
    return _DECLARATION.findall(style) if _STYLE.fullmatch(style) else []


def _is_safe(declaration: str) -> bool:
    if "\\" in declaration or "/*" in declaration:
        return False
    functions = {name.lower() for name in _FUNCTION.findall(declaration)}
    addresses = len(re.findall(r"url\(", declaration, re.IGNORECASE))
    return functions <= _FUNCTIONS and addresses == len(_URL.findall(declaration))
