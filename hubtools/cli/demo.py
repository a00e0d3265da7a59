"""`hubtools demo`: a page on which people make a model of their own posts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubtools.cli import options
from hubtools.cli.apply import applied_document, applied_line, confirm
from hubtools.cli.publish import DEFAULT_PROMPT, DEFAULT_SEED, Base, Prompt, RecipeName, Seed

if TYPE_CHECKING:
    from hubtools.core.events import Reporter
    from hubtools.demo.options import DemoOptions
    from hubtools.demo.push import SpaceRequest
    from hubtools.sync.plan import Plan


def demo(
    base: Base = "scratch",
    prompt: Prompt = DEFAULT_PROMPT,
    recipe: RecipeName = None,
    seed: Seed = DEFAULT_SEED,
    to: options.To = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 7860,
    max_upload_mb: Annotated[
        int, typer.Option(min=1, metavar="MB", help="The largest file that visitors can upload.")
    ] = 500,
    max_train_minutes: Annotated[
        float, typer.Option(min=0.1, metavar="N", help="Stop a training after N minutes.")
    ] = 60,
    max_concurrent: Annotated[
        int, typer.Option(min=1, metavar="N", help="Train up to N models at the same time.")
    ] = 1,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
    space: Annotated[
        str | None,
        typer.Option(
            "--space", metavar="NS/NAME", help="Put the demo on a Space of the Hub instead."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="With --space: write its files, push nothing."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="With --space: say what would change there, and why."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --space: do not ask.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Serve a page where visitors train a model of their own posts, in three steps.

    Visitors upload an archive or enter an account, train, generate posts, and download or publish
    the model. Each visitor has a private folder, deleted when the page is closed. Visitors from
    other machines cannot use this machine's Hub or login.

    With --space nothing is served. The command shows what would change on the Space, then commits
    it. A file that someone else changed there is never overwritten (exit code 6). The Space is on
    huggingface.co unless --to names another Hub.

    Examples:

      hubtools demo

      hubtools demo --base openai-community/gpt2 --max-train-minutes 20 --port 8080

      hubtools demo --space my-organization/posts-to-model --out space

      hubtools demo --space my-organization/posts-to-model --dry-run
    """
    from hubtools.core.config import find_project
    from hubtools.core.errors import UsageError
    from hubtools.demo.options import DemoLimits, DemoOptions
    from hubtools.services.targets import resolve_target

    if space is None and (out is not None or dry_run or yes):
        raise UsageError("--out, --dry-run and --yes go with --space", fix="Give --space NS/NAME")
    project = find_project()
    limits = DemoLimits(
        max_upload_mb=max_upload_mb,
        max_train_minutes=max_train_minutes,
        max_concurrent=max_concurrent,
    )
    chosen = DemoOptions(
        base=base,
        prompt=prompt,
        seed=seed,
        recipe=_absolute(recipe),
        limits=limits,
        to=str(resolve_target(project, to).target),
    )
    if space is None:
        from hubtools.core.cancel import cancel_on_interrupt
        from hubtools.demo.server import DemoRequest, serve_demo

        page = DemoRequest(
            project=project, options=chosen, host=host, port=port, open_browser=open_browser
        )
        with cancel_on_interrupt() as cancel:
            serve_demo(page, options.reporter(quiet, verbose), cancel)
        return
    if out is not None:
        _write(space, chosen, out, as_json, quiet)
        return
    from hubtools.demo.push import SpaceRequest

    request = SpaceRequest(project=project, space=space, options=chosen, to=to)
    _push(request, options.reporter(quiet, verbose), _How(dry_run, yes, as_json, quiet))


@dataclass(frozen=True, slots=True)
class _How:
    """How a Space is pushed, and what is said of it."""

    dry_run: bool
    yes: bool
    as_json: bool
    quiet: bool


def _absolute(recipe: str | None) -> str | None:
    """A recipe's file, named so that it is found from a visitor's folder too."""
    file = Path(recipe) if recipe else None
    return str(file.absolute()) if file and file.is_file() else recipe


def _write(space: str, chosen: DemoOptions, out: Path, as_json: bool, quiet: bool) -> None:
    from hubtools.cli.terminal import print_json
    from hubtools.demo.space import write_space

    files = write_space(out, space, chosen)
    if as_json:
        print_json({"space": space, "folder": str(out), "files": list(files)})
    elif not quiet:
        typer.echo(f"Wrote the files of the Space {space} to {out}")


def _push(request: SpaceRequest, reporter: Reporter, how: _How) -> None:
    from hubtools.cli.terminal import print_json
    from hubtools.core.cancel import cancel_on_interrupt
    from hubtools.demo.push import plan_space, push_space
    from hubtools.sync.plan_file import plan_document

    def shown(plan: Plan) -> None:
        if not how.quiet and not how.as_json:
            _show(plan)

    def confirmed(plan: Plan) -> bool:
        shown(plan)
        confirm(plan, f"Change the Space {request.space} on {request.target}?", yes=how.yes)
        return True

    with cancel_on_interrupt() as cancel:
        if how.dry_run:
            plan = plan_space(request, reporter, cancel)
            shown(plan)
            if how.as_json:
                print_json(plan_document(plan))
            return
        result = push_space(replace(request, confirm=confirmed), reporter, cancel)
    done, target = result.applied, request.target
    if how.as_json:
        found = {"space": request.space, "url": result.url, "commit": result.commit}
        print_json({**found, **applied_document(done)})
    elif not how.quiet:
        typer.echo(applied_line(done))
    done.raise_for_failure()
    if not how.as_json and not how.quiet:
        local = f"Its files are at {result.url} (hubtools hub serve {target.place})"
        typer.echo(local if target.kind == "local" else f"The demo is at {result.url}")


def _show(plan: Plan) -> None:
    """The plan as `hubtools plan` shows one, and the files that would be sent."""
    from hubtools.sync.plan_text import table

    *changes, counts = table(plan)
    for line in changes:
        typer.echo(line)
    for change in plan.changes:
        for path in change.files:
            typer.echo(f"      {path}")
    typer.echo(counts)
