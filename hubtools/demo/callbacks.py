"""What the page's controls call: from Gradio's values to a session, and back to what is shown.

Gradio is imported at the top, since it must see the type of each `request`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Any, ParamSpec

import gradio as gr

from hubtools.core.errors import HubtoolsError, UsageError
from hubtools.core.events import Progress
from hubtools.core.html_templates import data_url, render_html
from hubtools.core.results import Prediction
from hubtools.demo.loss_curve import LossCurve
from hubtools.demo.messages import (
    DemoEvent,
    JobCancelled,
    JobFailed,
    JobTimedOut,
    ModelPublished,
    ModelTrained,
    PostsRead,
)
from hubtools.demo.options import DemoOptions
from hubtools.demo.session import DemoSession, chosen_sources
from hubtools.demo.sessions import DemoSessions

_P = ParamSpec("_P")
_show = partial(render_html, "demo")  # a fragment of the page; its values are escaped
_PREDICTIONS = 10
LOCAL_HUB, HUGGING_FACE = "Local Hub", "Hugging Face"
_TITLES = {"train": "Training", "evaluate": "Evaluating", "generate": "Generating"}
_STOPPED = "Stopped. Press Resume to continue from here while the page is open."


def _end_with_skip(callback: Callable[_P, Iterator[Any]]) -> Callable[_P, Iterator[Any]]:
    """End with values that change nothing.

    Gradio sends a generator's last values again when it has ended, over whatever the visitor
    ticked or typed in between.
    """

    @wraps(callback)
    def run(*args: _P.args, **named: _P.kwargs) -> Iterator[Any]:
        last: list[Any] = []
        for last in callback(*args, **named):
            yield last
        if last:
            yield [gr.skip() for _ in last]

    return run


class DemoCallbacks:
    """One method per control; Gradio passes the `request` by its type."""

    def __init__(self, options: DemoOptions, sessions: DemoSessions) -> None:
        self._options, self._sessions = options, sessions

    def receive(self, files: Sequence[str] | None, request: gr.Request) -> None:
        """Note what was uploaded, so that it goes with the session."""
        self._session(request)
        self._sessions.add_uploads(str(request.session_hash), [Path(file) for file in files or ()])

    @_end_with_skip
    def read(
        self, files: Sequence[str] | None, addresses: str | None, request: gr.Request
    ) -> Iterator[Any]:
        """Read the posts, and show what is in them."""
        session = self._session(request)
        off = gr.update(interactive=False)
        # Results of earlier posts are not results of these.
        cleared = ["", gr.update(choices=[], value=None, visible=False), "", "", ""]
        rest = [*cleared, off, off, off, gr.update(visible=False)]
        hidden = gr.update(visible=False, value=False)
        yield [_show("working", title="Reading"), hidden, *rest]
        shown, consent = _error("Nothing was read."), hidden
        try:
            paths = [Path(file) for file in files or ()]
            most = self._options.limits.max_accounts
            chosen_sources([path.name for path in paths], addresses or "", most)
            self._sessions.add_uploads(str(request.session_hash), paths)
            sources = chosen_sources(session.take_uploads(paths), addresses or "", most)
            for event in session.read(sources):
                match event:
                    case Progress():
                        yield [_show("working", title=event.task, step=event), hidden, *rest]
                    case PostsRead():
                        shown = _show("posts", found=event)
                        consent = gr.update(visible=event.trainable)  # its tick is the visitor's
                    case JobFailed() | JobTimedOut():
                        shown = _error(_failure(event, session))
        except HubtoolsError as error:
            shown = _error(_sentence(error))
        yield [shown, consent, *rest]

    def consent(self, given: bool) -> Any:
        return gr.update(interactive=given)

    @_end_with_skip
    def train(
        self, consent: bool, prompt: str | None, name: str | None, request: gr.Request
    ) -> Iterator[Any]:
        """Train, with the loss as it falls; at the end the third step opens."""
        session, curve = self._session(request), LossCurve()
        rest = [gr.skip()] * 5
        if not consent or session.posts is None or not session.posts.trainable:
            message = _error("Read your posts and give your consent first.")
            yield [message, gr.skip(), gr.skip(), *rest]
            return
        running = [gr.update(interactive=False), gr.update(interactive=True, value="Stop")]
        yield [_show("working", title="Starting"), *running, *rest]
        shown, again = "", gr.update(interactive=True, value="Train")
        for event in _with_usage_errors(session.train(prompt or "", name or "")):
            match event:
                case Progress():
                    curve.add(event)
                    title = _TITLES.get(event.task, event.task.capitalize())
                    yield [_show("working", title=title, step=event, curve=curve), *running, *rest]
                case JobCancelled():
                    shown = _show("notice", text=_STOPPED, bad=False)
                    again = gr.update(interactive=True, value="Resume")
                case JobFailed() | JobTimedOut():
                    shown = _error(_failure(event, session))
                case ModelTrained():
                    shown = _show("trained", card=session.card, curve=curve)
                    rest = self._third_step(session)
        yield [shown, again, gr.update(interactive=False, value="Stop"), *rest]

    def stop(self, request: gr.Request) -> Any:
        self._session(request).stop()
        return gr.update(interactive=False, value="Stopping")

    @_end_with_skip
    def predict(self, prompt: str | None, request: gr.Request) -> Iterator[Any]:
        """Ten predictions, each as soon as it is made; those that repeat a post are counted."""
        session = self._session(request)
        if session.card_file is None:
            yield [gr.skip(), _error("Train a model first.")]
            return
        texts: list[str] = []
        repeated = 0
        cleared = gr.update(choices=[], value=None, visible=False)
        yield [cleared, _show("working", title="Generating")]
        try:
            for prediction, repeats in session.predict(prompt or "", _PREDICTIONS):
                repeated += repeats
                if not repeats and prediction.text not in (*texts, prompt):
                    texts.append(prediction.text)
                yield [
                    gr.update(choices=texts, visible=bool(texts)),
                    _show("repeated", count=repeated),
                ]
        except HubtoolsError as error:
            yield [gr.skip(), _error(_sentence(error))]

    @_end_with_skip
    def choose(self, text: str | None, prompt: str, request: gr.Request) -> Iterator[Any]:
        """Put a prediction on the thumbnail and on the card."""
        session = self._session(request)
        if text is None or session.card_file is None:
            return
        start = prompt if text.startswith(prompt) else ""
        png = session.choose(Prediction(prompt=start, text=text))
        yield [
            _show("picture", source=data_url(png), text=text),
            gr.update(value=str(session.download())),
        ]

    def place(self, place: str) -> Any:
        """A token is for Hugging Face."""
        return gr.update(visible=place == HUGGING_FACE)

    @_end_with_skip
    def publish(
        self, place: str, owner: str | None, token: str | None, request: gr.Request
    ) -> Iterator[Any]:
        """Publish, with the visitor's own token where there is one."""
        session = self._session(request)
        places = (LOCAL_HUB, HUGGING_FACE) if self._options.private else (HUGGING_FACE,)
        if session.card_file is None or place not in places:
            yield [_error("Train a model first."), gr.skip()]
            return
        to = self._options.to if place == LOCAL_HUB else "hf"
        yield [_show("working", title="Publishing"), gr.update(value="")]
        shown = ""
        owner, token = (owner or "").strip() or None, (token or "").strip() or None
        for event in _with_usage_errors(session.publish(to, owner, token)):
            match event:
                case Progress():
                    yield [_show("working", title="Publishing", step=event), gr.skip()]
                case JobFailed() | JobTimedOut():
                    shown = _error(_failure(event, session))
                case ModelPublished(repo, url):
                    folder = to.removeprefix("local:") if to.startswith("local:") else None
                    shown = _show("published", repo=repo, url=url, local=folder)
                case JobCancelled():
                    shown = _error("Stopped.")
        yield [shown, gr.skip()]

    def _session(self, request: gr.Request) -> DemoSession:
        return self._sessions.get(str(request.session_hash))

    def _third_step(self, session: DemoSession) -> list[Any]:
        card = session.card
        first = card.predictions[0].text if card.predictions else card.repo
        return [
            gr.update(value=card.prompt),
            gr.update(interactive=True),
            _show("picture", source=data_url(session.thumbnail()), text=first),
            gr.update(value=str(session.download()), interactive=True),
            gr.update(visible=True),
        ]


def _error(text: str) -> str:
    return _show("notice", text=text, bad=True)


def _with_usage_errors(events: Iterator[DemoEvent]) -> Iterator[DemoEvent]:
    """The events; a mistake in the visitor's input is the last one."""
    try:
        yield from events
    except UsageError as error:
        yield JobFailed(_sentence(error), error.exit_code)


def _sentence(error: HubtoolsError) -> str:
    """An error as a sentence of the page; a file's name at its start keeps its spelling."""
    text = str(error)
    return text if error.where else text[:1].upper() + text[1:]


def _failure(end: JobFailed | JobTimedOut, session: DemoSession) -> str:
    """Why a job failed, without the paths of this machine: the file's name is enough."""
    if isinstance(end, JobTimedOut):
        return f"Stopped after the limit of {end.minutes:g} minutes."
    folder = str(session.folder)
    words = (word.rpartition("/")[2] if folder in word else word for word in end.error.split())
    return " ".join(words)
