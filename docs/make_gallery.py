"""Render cards and pictures that are hard to get right on one page, to check them by eye.

    make gallery        writes gallery/index.html

The page shows twenty thumbnails in the light and the dark theme, large and 280 px wide, next to
their cards, then the pipelines and loss curves. The subjects are the difficult ones of the tests.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hubtools.cards.card import Card, CardAccount
from hubtools.cards.render import CardRenderer
from hubtools.core.results import Prediction
from hubtools.localhub.markup import render_readme
from hubtools.pictures.avatars import avatar_image
from hubtools.pictures.curves import draw_curves
from hubtools.pictures.pipeline import draw_pipeline
from hubtools.pictures.theme import DARK, LIGHT
from hubtools.pictures.thumbnail import draw_thumbnail
from hubtools.pictures.types import Picture, Pipeline, PipelineSource, ThumbnailSubject
from tests.cards.samples import COUNTS, HARBOUR
from tests.pictures.difficult import DIFFICULT
from tests.pictures.test_curves import POINTS
from tests.pictures.test_pipeline import FLEET, FULL, SPARSE

GALLERY = Path(__file__).parents[1] / "gallery"
THEMES = {"light": LIGHT, "dark": DARK}
SMALL = 280  # CSS px

STYLE = f"""
:root {{ color-scheme: light dark; --paper: #e9e6df; --ink: #1c2430; --card: #fff; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --paper: #0a0f17; --ink: #e6e3dc; --card: #141b27; }}
}}
* {{ box-sizing: border-box; }}
body {{ margin: 0; padding: 24px; background: var(--paper); color: var(--ink);
        font: 15px/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 26px; margin: 0 0 4px; }} h2 {{ font-size: 18px; margin: 40px 0 12px; }}
nav a {{ color: inherit; margin-right: 12px; }}
section {{ display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr) {SMALL}px;
           gap: 16px; align-items: start; }}
.large, .small {{ display: grid; gap: 16px; }}
:is(.large, .small) img {{ width: 100%; display: block; border-radius: 8px;
                          box-shadow: 0 1px 6px #0003; }}
section:not(:has(article)) .large {{ grid-column: 1 / 3; grid-template-columns: 1fr 1fr; }}
article {{ contain: size; height: 100%; overflow: auto; overflow-wrap: anywhere;
           background: var(--card); border-radius: 8px; padding: 8px 20px; }}
article img {{ max-width: 100%; height: auto; }}
table {{ border-collapse: collapse; }} td, th {{ border: 1px solid #8886; padding: 4px 10px; }}
"""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """A picture in both looks, and the HTML of the card that it stands on."""

    name: str
    pictures: dict[str, Picture]
    card: str = ""


def main() -> None:
    """Draw everything, and write the page."""
    GALLERY.mkdir(exist_ok=True)
    exhibits = [thumbnail(name, subject) for name, subject in DIFFICULT.items()]
    exhibits += [pipeline(name, subject) for name, subject in pipelines().items()]
    exhibits.append(training())
    body = "\n".join(map(shown, exhibits))
    links = " ".join(f'<a href="#{exhibit.name}">{exhibit.name}</a>' for exhibit in exhibits)
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Gallery</title>'
        '<meta name="viewport" content="width=device-width">'
        f"<style>{STYLE}</style><h1>Pictures that are hard to draw</h1><nav>{links}</nav>{body}"
    )
    (GALLERY / "index.html").write_text(page, encoding="utf-8")
    print(GALLERY / "index.html")  # noqa: T201


def thumbnail(name: str, subject: ThumbnailSubject) -> Exhibit:
    """A thumbnail, and the card of a model with such accounts and such a prediction."""
    accounts = tuple(
        CardAccount(
            handle=(face.handle or "").lstrip("@") or None,
            name=face.name,
            network="x",
            avatar=avatar(f"{name}-avatar-{number}", face.avatar),
            posts=COUNTS,
        )
        for number, face in enumerate(subject.accounts, 1)
    )
    card = replace(
        HARBOUR,
        repo=f"difficult-{name.replace('_', '-')}",
        accounts=accounts,
        prompt=subject.prompt,
        predictions=(Prediction(prompt=subject.prompt, text=subject.prediction),),
    )
    pictures = {theme: draw_thumbnail(subject, colors) for theme, colors in THEMES.items()}
    return Exhibit(name, pictures, as_html(card, name))


def avatar(name: str, data: bytes | None) -> str | None:
    """The file of an avatar as a card shows it, written now."""
    image = avatar_image(data, 184, "#ffffff")
    if image is None:
        return None
    image.save(GALLERY / f"{name}.png")
    return f"{name}.png"


def as_html(card: Card, name: str) -> str:
    """The card as the local Hub shows it, with the gallery's pictures."""
    html = str(render_readme(CardRenderer("me").render(card), "."))
    return html.replace("./predictions.png", f"{name}-light.png").replace(
        "./pipeline.png", "pipeline_full-light.png"
    )


def pipelines() -> dict[str, Pipeline]:
    """Pipelines: two accounts, a fleet, one from scratch in other scripts, hardly anything."""
    second = PipelineSource(handle="ferrytimes", downloaded=3214, kept=2107, digest="c4d1" * 16)
    scripts = (
        PipelineSource(name="سجل الميناء ⚓", downloaded=3200, kept=2100, digest="77aa" * 16),
        PipelineSource(
            name="港の記録 👩‍👩‍👧‍👦", downloaded=120_000, kept=98_411, digest="09fe" * 16
        ),
    )
    return {
        "pipeline_full": replace(FULL, sources=(*FULL.sources, second)),
        "pipeline_fleet": FLEET,
        "pipeline_scripts": replace(
            FULL, sources=scripts, base_model="scratch", base_commit=None, recipe="default"
        ),
        "pipeline_sparse": SPARSE,
    }


def pipeline(name: str, subject: Pipeline) -> Exhibit:
    """A pipeline picture."""
    return Exhibit(
        name, {theme: draw_pipeline(subject, colors) for theme, colors in THEMES.items()}
    )


def training() -> Exhibit:
    """A training picture."""
    drawn = {theme: draw_curves(POINTS, colors) for theme, colors in THEMES.items()}
    return Exhibit("training", {theme: picture for theme, picture in drawn.items() if picture})


def shown(exhibit: Exhibit) -> str:
    """The exhibit's part of the page; its pictures are written now."""
    large, small, missing = [], [], set[str]()
    for theme, picture in exhibit.pictures.items():
        file = f"{exhibit.name}-{theme}.png"
        (GALLERY / file).write_bytes(picture.png)
        alt = f"{exhibit.name}, {theme}"
        large.append(f'<img src="{file}" alt="{alt}" title="{len(picture.png) / 1024:.0f} KiB">')
        small.append(f'<img src="{file}" alt="{alt}, small">')
        missing.update(picture.left_out)
    said = f" — left out: {escape(' '.join(sorted(missing)))}" if missing else ""
    label = f'aria-label="The card of {exhibit.name}"'
    card = f'<article tabindex="0" {label}>{exhibit.card}</article>' if exhibit.card else ""
    return (
        f'<h2 id="{exhibit.name}">{exhibit.name}{said}</h2>'
        f'<section><div class="large">{"".join(large)}</div>{card}'
        f'<div class="small">{"".join(small)}</div></section>'
    )


if __name__ == "__main__":
    main()
