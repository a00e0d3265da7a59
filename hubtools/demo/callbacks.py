"""What the page's controls call: from Gradio's values to a visit, and back to what is shown.

Gradio is imported here at once, since it has to see the type of each `request`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import gradio as gr

from hubtools.core.errors import HubtoolsError, UsageError
from hubtools.core.results import Prediction
from hubtools.demo import progress
from hubtools.demo.messages import Event, Failed, Looked, Note, Published, Step, Stopped, Trained
from hubtools.demo.options import Settings
from hubtools.demo.session import Visit, chosen_sources
from hubtools.demo.sessions import Visits

_P = ParamSpec("_P")
_PREDICTIONS = 10
HERE, HUGGING_FACE = "The Hub of this machine", "Hugging Face"


def _said_once(handler: Callable[_P, Iterator[Any]]) -> Callable[_P, Iterator[Any]]:
    """End with what changes nothing.

    Gradio sends the last of a generator's values again when it has ended, over whatever the
    visitor ticked or typed in between.
    """

    @wraps(handler)
    def run(*args: _P.args, **named: _P.kwargs) -> Iterator[Any]:
        last: list[Any] = []
        for last in handler(*args, **named):
            yield last
        if last:
            yield [gr.skip() for _ in last]

    return run


class Handlers:
    """What the controls call; Gradio gives them the `request` by its type."""

    def __init__(self, settings: Settings, visits: Visits) -> None:
        self._settings, self._visits = settings, visits

    def receive(self, files: Sequence[str] | None, request: gr.Request) -> None:
        """Remember what was uploaded, so that it goes with the session."""
        self._visits.of(str(request.session_hash))
        self._visits.remember(str(request.session_hash), [Path(file) for file in files or ()])

    @_said_once
    def look(
        self, files: Sequence[str] | None, addresses: str | None, request: gr.Request
    ) -> Iterator[Any]:
        """Read the posts, and show what is in them."""
        visit = self._visit(request)
        off = gr.update(interactive=False)
        # What came of earlier posts is no longer of these.
        cleared = ["", gr.update(choices=[], value=None, visible=False), "", "", ""]
        rest = [*cleared, off, off, off, gr.update(visible=False)]
        hidden = gr.update(visible=False, value=False)
        yield [progress.working("Reading", None, progress.Curve()), hidden, *rest]
        shown = progress.error("Nothing was read.")
        agree = hidden
        try:
            paths = [Path(file) for file in files or ()]
            most = self._settings.limits.accounts
            chosen_sources([path.name for path in paths], addresses or "", most)
            self._visits.remember(str(request.session_hash), paths)
            sources = chosen_sources(visit.take(paths), addresses or "", most)
            for event in visit.look(sources):
                if isinstance(event, Step):
                    yield [progress.working(event.title, event, progress.Curve()), hidden, *rest]
                elif isinstance(event, Looked):
                    shown = progress.looked(event)
                    agree = gr.update(visible=not event.refusals)  # its tick is the visitor's
                elif isinstance(event, Failed):
                    shown = progress.error(_without_folder(event.error, visit))
        except HubtoolsError as error:
            shown = progress.error(_sentence(error))
        yield [shown, agree, *rest]

    def agree(self, agreed: bool) -> Any:
        """Training needs consent."""
        return gr.update(interactive=agreed)

    @_said_once
    def train(
        self, agreed: bool, prompt: str | None, name: str | None, request: gr.Request
    ) -> Iterator[Any]:
        """Train, with the loss as it falls; at the end the third step opens."""
        visit = self._visit(request)
        keep, curve = gr.skip(), progress.Curve()
        rest = [keep] * 5
        if not agreed or visit.looked is None or visit.looked.refusals:
            yield [progress.error("Look at the posts first, and agree."), keep, keep, *rest]
            return
        running = [gr.update(interactive=False), gr.update(interactive=True, value="Stop")]
        yield [progress.working("Starting", None, curve), *running, *rest]
        notes: list[str] = []
        done: str = ""
        again = gr.update(interactive=True, value="Train")
        for event in _said(visit.train(prompt or "", name or "")):
            if isinstance(event, Step):
                curve.add(event)
                yield [progress.working(event.title.capitalize(), event, curve), *running, *rest]
            elif isinstance(event, Note) and event.code == "all_memorized":
                notes.append(event.text)
            elif isinstance(event, Stopped):
                done = progress.notice("Stopped. Train goes on from here while the page is open.")
                again = gr.update(interactive=True, value="Go on")
            elif isinstance(event, Failed):
                done = progress.error(_without_folder(event.error, visit))
            elif isinstance(event, Trained):
                done = progress.trained(visit.card, curve)
                rest = self._opened(visit)
        yield [done, again, gr.update(interactive=False, value="Stop"), *rest]

    def stop(self, request: gr.Request) -> Any:
        """End the training after the step in progress."""
        self._visit(request).stop()
        return gr.update(interactive=False, value="Stopping")

    @_said_once
    def predict(self, prompt: str | None, request: gr.Request) -> Iterator[Any]:
        """Ten predictions, each as soon as it is made; those that repeat a post are counted."""
        visit = self._visit(request)
        if visit.card_file is None:
            yield [gr.skip(), progress.error("Train a model first.")]
            return
        texts: list[str] = []
        repeated = 0
        yield [
            gr.update(choices=[], value=None, visible=False),
            progress.working("Thinking", None, progress.Curve()),
        ]
        try:
            for prediction, repeats in visit.predict(prompt or "", _PREDICTIONS):
                repeated += repeats
                if not repeats and prediction.text not in (*texts, prompt):
                    texts.append(prediction.text)
                yield [gr.update(choices=texts, visible=bool(texts)), progress.repeated(repeated)]
        except HubtoolsError as error:
            yield [gr.skip(), progress.error(_sentence(error))]

    @_said_once
    def choose(self, text: str | None, prompt: str, request: gr.Request) -> Iterator[Any]:
        """Put a prediction on the picture and on the card."""
        visit = self._visit(request)
        if text is None or visit.card_file is None:
            return
        started = prompt if text.startswith(prompt) else ""
        png = visit.choose(Prediction(prompt=started, text=text))
        yield [progress.picture(png, text), gr.update(value=str(visit.download()))]

    def place(self, place: str) -> Any:
        """A token is for Hugging Face."""
        return gr.update(visible=place == HUGGING_FACE)

    @_said_once
    def publish(
        self, place: str, owner: str | None, token: str | None, request: gr.Request
    ) -> Iterator[Any]:
        """Publish, with the visitor's own token where there is one."""
        visit = self._visit(request)
        if visit.card_file is None or place not in self._places:
            yield [progress.error("Train a model first."), gr.skip()]
            return
        local = place == HERE
        to = self._settings.to if local else "hf"
        yield [progress.working("Publishing", None, progress.Curve()), gr.update(value="")]
        shown = ""
        owner, token = (owner or "").strip() or None, (token or "").strip() or None
        for event in _said(visit.publish(to, owner, token)):
            if isinstance(event, Step):
                shown = progress.working("Publishing", event, progress.Curve())
                yield [shown, gr.skip()]
            elif isinstance(event, Failed):
                shown = progress.error(_without_folder(event.error, visit))
            elif isinstance(event, Published):
                folder = to.removeprefix("local:") if to.startswith("local:") else None
                shown = progress.published(event.repo, event.url, folder)
            elif isinstance(event, Stopped):
                shown = progress.error("Stopped.")
        yield [shown, gr.skip()]

    @property
    def _places(self) -> tuple[str, ...]:
        return (HERE, HUGGING_FACE) if self._settings.private else (HUGGING_FACE,)

    def _visit(self, request: gr.Request) -> Visit:
        return self._visits.of(str(request.session_hash))

    def _opened(self, visit: Visit) -> list[Any]:
        card = visit.card
        first = card.predictions[0].text if card.predictions else card.repo
        return [
            gr.update(value=card.prompt),
            gr.update(interactive=True),
            progress.picture(visit.picture(), first),
            gr.update(value=str(visit.download()), interactive=True),
            gr.update(visible=True),
        ]


def _said(events: Iterator[Event]) -> Iterator[Event]:
    """The events, of which the last is what was wrong with the visitor's own words."""
    try:
        yield from events
    except UsageError as error:
        yield Failed(_sentence(error))


def _sentence(error: HubtoolsError) -> str:
    """An error as the page says it; where there is a file's name first, it is left as it is."""
    text = str(error)
    return text if error.where else text[:1].upper() + text[1:]


def _without_folder(text: str, visit: Visit) -> str:
    """An error without where things lie on this machine: the file's name says enough."""
    parts = [
        word.rpartition("/")[2] if str(visit.folder) in word else word for word in text.split()
    ]
    return " ".join(parts)
