"""The page: Gradio's controls, and the callback of each; only `server` imports it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from hubtools.core.html_templates import render_html
from hubtools.core.template_root import template_root
from hubtools.demo.callbacks import HUGGING_FACE, LOCAL_HUB, DemoCallbacks
from hubtools.demo.options import DemoOptions
from hubtools.demo.sessions import DemoSessions

_DELETE_CACHE = (3600, 86_400)  # check every hour for Gradio's copies that are a day old
_SOURCES = (
    "Upload the archive you downloaded from X, Mastodon or Bluesky, or posts as .csv, .jsonl or "
    ".txt. If an X archive is too large, upload only its <code>tweets.js</code>."
)
_CONSENT = (
    "These posts are mine, or I have their author's permission. I understand that the model may "
    "repeat parts of them."
)
_BUSY = {"concurrency_limit": 2, "api_visibility": "private"}
_OPEN = {"api_visibility": "private"}
_PLAIN = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


def build(options: DemoOptions, sessions: DemoSessions) -> Any:
    """The page as Gradio's Blocks, with the controls in the order of their use."""
    with gr.Blocks(
        title="A model of your own posts", analytics_enabled=False, delete_cache=_DELETE_CACHE
    ) as page:
        _note(render_html("demo", "welcome", options=options))
        reading = _first_step(options)
        training = _second_step(options)
        generating = _third_step(options)
        _connect(options, sessions, reading, training, generating)
        page.unload(_ending(sessions))
    page.queue(max_size=options.limits.max_queue, api_open=False)
    return page


def style() -> str:
    return (template_root() / "demo" / "page.css").read_text(encoding="utf-8")


def theme() -> Any:
    """The colors of the local Hub, in fonts that every machine has: nothing is downloaded."""
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


def _first_step(options: DemoOptions) -> dict[str, Any]:
    limits = options.limits
    with gr.Column(elem_classes="step"):
        _note(_heading(1, "Choose your posts") + f'<p class="soft">{_SOURCES}</p>')
        return {
            "files": gr.File(
                label="Archive or table of posts",
                file_count="multiple",
                height=150,
                elem_id="archive",
            ),
            "addresses": gr.Textbox(
                label="Or public accounts, one per line",
                placeholder="mastodon:user@server\nbluesky:name.bsky.social",
                info=f"Combine up to {limits.max_accounts} files and accounts in one model.",
                lines=2,
                max_lines=3,
            ),
            "read": gr.Button("Read posts", variant="primary"),
            "posts": _note(classes="optional"),
            "consent": gr.Checkbox(label=_CONSENT, value=False, visible=False),
        }


def _second_step(options: DemoOptions) -> dict[str, Any]:
    with gr.Column(elem_classes="step"):
        _note(_heading(2, "Train"))
        with gr.Row():
            prompt = gr.Textbox(
                label="Prompt for the model card", value=options.prompt, min_width=220
            )
            name = gr.Textbox(
                label="Model name", placeholder="taken from the accounts", min_width=220
            )
        with gr.Row():
            go = gr.Button("Train", variant="primary", interactive=False, min_width=140)
            stop = gr.Button("Stop", interactive=False, min_width=140)
        return {"prompt": prompt, "name": name, "go": go, "stop": stop, "progress": _note()}


def _third_step(options: DemoOptions) -> dict[str, Any]:
    places = [LOCAL_HUB, HUGGING_FACE] if options.private else [HUGGING_FACE]
    with gr.Column(elem_classes="step"):
        _note(_heading(3, "Generate posts"))
        parts: dict[str, Any] = {
            "prompt": gr.Textbox(label="Prompt", value=options.prompt),
            "go": gr.Button("Generate ten posts", variant="primary", interactive=False),
            "texts": gr.Radio(
                [],
                label="Choose one for the thumbnail",
                visible=False,
                elem_classes="predictions",
            ),
            "repeated": _note(classes="optional"),
            "picture": _note(classes="optional"),
            "download": gr.DownloadButton("Download model", interactive=False),
        }
        with gr.Accordion("Publish this model", open=False, visible=False) as publishing:
            parts["place"] = gr.Radio(places, value=places[0], label="Destination")
            parts["owner"] = gr.Textbox(
                label="User or organization", placeholder="default: the token's owner"
            )
            parts["token"] = gr.Textbox(
                label="Hugging Face access token with write permission",
                info="Used once and never stored."
                + (" Leave empty to use this machine's login." if options.private else ""),
                type="password",
                visible=not options.private,
            )
            parts["publish"] = gr.Button("Publish", variant="primary")
            parts["published"] = _note(classes="optional")
        parts["publishing"] = publishing
        return parts


def _connect(
    options: DemoOptions,
    sessions: DemoSessions,
    reading: dict[str, Any],
    training: dict[str, Any],
    generating: dict[str, Any],
) -> None:
    callbacks = DemoCallbacks(options, sessions)
    ready = [training["go"], generating["go"], generating["download"], generating["publishing"]]
    reading["files"].upload(callbacks.receive, reading["files"], None, **_PLAIN)
    reading["read"].click(
        callbacks.read,
        [reading["files"], reading["addresses"]],
        [reading["posts"], reading["consent"], training["progress"], generating["texts"],
         generating["repeated"], generating["picture"], generating["published"], *ready],
        show_progress_on=reading["posts"],
        **_BUSY,
    )  # fmt: skip
    reading["consent"].change(callbacks.consent, reading["consent"], training["go"], **_PLAIN)
    training["go"].click(
        callbacks.train,
        [reading["consent"], training["prompt"], training["name"]],
        [training["progress"], training["go"], training["stop"], generating["prompt"],
         generating["go"], generating["picture"], generating["download"],
         generating["publishing"]],
        concurrency_limit=options.limits.max_concurrent,
        show_progress_on=training["progress"],
        **_OPEN,
    )  # fmt: skip
    training["stop"].click(callbacks.stop, None, training["stop"], **_PLAIN)
    for start in (generating["go"].click, generating["prompt"].submit):
        start(
            callbacks.predict,
            generating["prompt"],
            [generating["texts"], generating["repeated"]],
            trigger_mode="once",
            show_progress_on=generating["repeated"],
            **_BUSY,
        )
    generating["texts"].select(
        callbacks.choose,
        [generating["texts"], generating["prompt"]],
        [generating["picture"], generating["download"]],
        **_BUSY,
    )
    generating["place"].change(callbacks.place, generating["place"], generating["token"], **_PLAIN)
    generating["publish"].click(
        callbacks.publish,
        [generating["place"], generating["owner"], generating["token"]],
        [generating["published"], generating["token"]],
        **_BUSY,
    )


def _ending(sessions: DemoSessions) -> Any:
    def end(request: gr.Request) -> None:
        sessions.end(str(request.session_hash))

    return end
