"""The page: controls of Gradio, and which handler each of them calls; `server` imports it late."""

from __future__ import annotations

from typing import Any

import gradio as gr

from hubtools.demo import progress
from hubtools.demo.callbacks import HERE, HUGGING_FACE, Handlers
from hubtools.demo.options import Settings
from hubtools.demo.sessions import Visits

_KEPT = (3600, 86_400)  # how often, and after how many seconds, the page's own copies go at last
_SOURCES = (
    "The archive as X, Mastodon or Bluesky gave it to you, or posts as .csv, .jsonl or .txt. Too "
    "large? Of X's archive <code>tweets.js</code> alone will do."
)
_CONSENT = (
    "These posts are mine, or their author agreed to this. I know that the model can repeat parts "
    "of them."
)
_BUSY = {"concurrency_limit": 2, "api_visibility": "private"}
_OPEN = {"api_visibility": "private"}
_PLAIN = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def build(settings: Settings, visits: Visits) -> Any:
    """The page as Gradio's Blocks, its controls in the order in which they are used."""
    with gr.Blocks(
        title="A model of your own posts", analytics_enabled=False, delete_cache=_KEPT
    ) as page:
        _note(progress.welcome(settings.limits, private=settings.private))
        looking = _first_step(settings)
        training = _second_step(settings)
        talking = _third_step(settings)
        _connect(settings, visits, looking, training, talking)
        page.unload(_ending(visits))
    page.queue(max_size=settings.limits.waiting, api_open=False)
    return page


def theme() -> Any:
    """The colours of the local Hub, in fonts that every machine has: nothing is fetched."""
    return gr.themes.Base(
        primary_hue=gr.themes.Color(
            "#eef6f6", "#d5e9e9", "#aed4d4", "#7cb9ba", "#4a999b", "#2f7f82", "#1f6468",
            "#1a5155", "#164246", "#12363a", "#0a2023",
        ),
        neutral_hue="stone",
        font=["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "SF Mono", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"],
    )  # fmt: skip


def _heading(number: int, text: str) -> str:
    return f'<h2><span class="nr" aria-hidden="true">{number}</span>{text}</h2>'


def _note(text: str = "", classes: str = "") -> Any:
    return gr.HTML(text, padding=False, elem_classes=classes or None)


def _first_step(settings: Settings) -> dict[str, Any]:
    limits = settings.limits
    with gr.Column(elem_classes="step"):
        _note(_heading(1, "Show your posts") + f'<p class="soft">{_SOURCES}</p>')
        return {
            "files": gr.File(
                label="Your archive or a table",
                file_count="multiple",
                height=150,
                elem_id="archive",
            ),
            "addresses": gr.Textbox(
                label="Or accounts of open networks, one a line",
                placeholder="mastodon:user@server\nbluesky:name.bsky.social",
                info=f"Up to {limits.accounts} files and accounts together make one model.",
                lines=2,
                max_lines=3,
            ),
            "look": gr.Button("Look at the posts", variant="primary"),
            "seen": _note(classes="quiet"),
            "consent": gr.Checkbox(label=_CONSENT, value=False, visible=False),
        }


def _second_step(settings: Settings) -> dict[str, Any]:
    with gr.Column(elem_classes="step"):
        _note(_heading(2, "Train"))
        with gr.Row():
            prompt = gr.Textbox(
                label="Its card shows how it continues", value=settings.prompt, min_width=220
            )
            name = gr.Textbox(
                label="Name of the model", placeholder="from the accounts", min_width=220
            )
        with gr.Row():
            go = gr.Button("Train", variant="primary", interactive=False, min_width=140)
            stop = gr.Button("Stop", interactive=False, min_width=140)
        return {"prompt": prompt, "name": name, "go": go, "stop": stop, "progress": _note()}


def _third_step(settings: Settings) -> dict[str, Any]:
    places = [HERE, HUGGING_FACE] if settings.private else [HUGGING_FACE]
    with gr.Column(elem_classes="step"):
        _note(_heading(3, "Let it talk"))
        parts: dict[str, Any] = {
            "prompt": gr.Textbox(label="The start of a sentence", value=settings.prompt),
            "go": gr.Button("Continue it ten times", variant="primary", interactive=False),
            "texts": gr.Radio(
                [],
                label="Choose one for the picture",
                visible=False,
                elem_classes="predictions",
            ),
            "repeated": _note(classes="quiet"),
            "picture": _note(classes="quiet"),
            "download": gr.DownloadButton("Download the model", interactive=False),
        }
        with gr.Accordion("Publish it", open=False, visible=False) as publishing:
            parts["place"] = gr.Radio(places, value=places[0], label="Where")
            parts["owner"] = gr.Textbox(
                label="User or organization", placeholder="me, or who the token belongs to"
            )
            parts["token"] = gr.Textbox(
                label="Access token of Hugging Face, with the right to write",
                info="Used once, kept nowhere."
                + (" Empty: the login of this machine." if settings.private else ""),
                type="password",
                visible=not settings.private,
            )
            parts["publish"] = gr.Button("Publish", variant="primary")
            parts["published"] = _note(classes="quiet")
        parts["publishing"] = publishing
        return parts


def _connect(
    settings: Settings,
    visits: Visits,
    looking: dict[str, Any],
    training: dict[str, Any],
    talking: dict[str, Any],
) -> None:
    """Say what each control does."""
    handlers = Handlers(settings, visits)
    ready = [training["go"], talking["go"], talking["download"], talking["publishing"]]
    looking["files"].upload(handlers.receive, looking["files"], None, **_PLAIN)
    looking["look"].click(
        handlers.look,
        [looking["files"], looking["addresses"]],
        [looking["seen"], looking["consent"], training["progress"], talking["texts"],
         talking["repeated"], talking["picture"], talking["published"], *ready],
        show_progress_on=looking["seen"],
        **_BUSY,
    )  # fmt: skip
    looking["consent"].change(handlers.agree, looking["consent"], training["go"], **_PLAIN)
    training["go"].click(
        handlers.train,
        [looking["consent"], training["prompt"], training["name"]],
        [training["progress"], training["go"], training["stop"], talking["prompt"], talking["go"],
         talking["picture"], talking["download"], talking["publishing"]],
        concurrency_limit=settings.limits.trainings,
        show_progress_on=training["progress"],
        **_OPEN,
    )  # fmt: skip
    training["stop"].click(handlers.stop, None, training["stop"], **_PLAIN)
    for start in (talking["go"].click, talking["prompt"].submit):
        start(
            handlers.predict,
            talking["prompt"],
            [talking["texts"], talking["repeated"]],
            trigger_mode="once",
            show_progress_on=talking["repeated"],
            **_BUSY,
        )
    talking["texts"].select(
        handlers.choose,
        [talking["texts"], talking["prompt"]],
        [talking["picture"], talking["download"]],
        **_BUSY,
    )
    talking["place"].change(handlers.place, talking["place"], talking["token"], **_PLAIN)
    talking["publish"].click(
        handlers.publish,
        [talking["place"], talking["owner"], talking["token"]],
        [talking["published"], talking["token"]],
        **_BUSY,
    )


def _ending(visits: Visits) -> Any:
    def end(request: gr.Request) -> None:
        visits.end(str(request.session_hash))

    return end
