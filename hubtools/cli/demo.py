"""`hubtools demo`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.confirm import confirm
from hubtools.cli.show import apply_document, apply_summary, show_plan
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.core.defaults import DEFAULT_PROMPT, DEFAULT_SEED
from hubtools.core.errors import UsageError
from hubtools.demo.options import DemoLimits, DemoOptions
from hubtools.demo.push import SpaceRequest, SpaceResult, plan_space, push_space
from hubtools.demo.server import DemoRequest, serve_demo
from hubtools.demo.space import write_space
from hubtools.services.targets import resolve_target
from hubtools.sync.plan import Plan
from hubtools.sync.plan_file import plan_document


def demo(
    *,
    base: options.Base = "scratch",
    prompt: options.Prompt = DEFAULT_PROMPT,
    recipe: options.Recipe = None,
    seed: options.Seed = DEFAULT_SEED,
    to: options.To = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="The address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, metavar="N", help="The port; 0 picks a free one."),
    ] = 7860,
    max_upload_mb: Annotated[
        int, typer.Option("--max-upload-mb", min=1, metavar="N", help="The largest upload, in MB.")
    ] = 500,
    max_train_minutes: Annotated[
        float,
        typer.Option("--max-train-minutes", min=0.1, metavar="N", help="The longest training run."),
    ] = 60,
    max_concurrent: Annotated[
        int,
        typer.Option("--max-concurrent", min=1, metavar="N", help="Models trained at once."),
    ] = 1,
    open_browser: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in a browser.")
    ] = True,
    space: Annotated[
        str | None,
        typer.Option(
            "--space", metavar="NS/NAME", help="Publish the demo as a Space instead of serving it."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="With --space: write its files, push nothing."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --space: show what would change.")
    ] = False,
    yes: options.Yes = False,
    output: options.OutputOptions,
) -> None:
    """Serve a web page where people train their own model.

    Visitors upload an archive or name an account, train, try the model, and download or publish it.
    Each works in a private folder that is deleted when the page is closed. On an address that
    others can reach, this machine's Hub and login are not offered to them.

    With --space, nothing is served: the changes to the Space are shown and applied in one commit. A
    file that someone else edited there is never overwritten (exit code 6). --to defaults to hf.

    Examples:
      hubtools demo
      hubtools demo --base openai-community/gpt2 --max-train-minutes 20 --port 8080
      hubtools demo --space my-organization/posts-to-model --out space
      hubtools demo --space my-organization/posts-to-model --dry-run
    """
    if space is None and (out is not None or dry_run or yes):
        raise UsageError("--out, --dry-run and --yes require --space", fix="Add --space NS/NAME")
    project = find_project()
    chosen = DemoOptions(
        base=base,
        prompt=prompt,
        seed=seed,
        recipe=_absolute(recipe),
        to=str(resolve_target(project, to).target),
        limits=DemoLimits(
            max_upload_mb=max_upload_mb,
            max_train_minutes=max_train_minutes,
            max_concurrent=max_concurrent,
        ),
    )
    if space is None:
        page = DemoRequest(
            project=project, options=chosen, host=host, port=port, open_browser=open_browser
        )
        with output.running() as (reporter, cancel):
            serve_demo(page, reporter, cancel)
    elif out is not None:
        files = write_space(out, space, chosen)
        if output.json:
            print_json({"space": space, "folder": str(out), "files": list(files)})
        elif not output.quiet:
            typer.echo(f"Wrote the files of the Space {space} to {out}")
    else:
        request = SpaceRequest(project=project, space=space, options=chosen, to=to)
        if dry_run:
            _plan(request, output)
        else:
            _push(request, yes, output)


def _plan(request: SpaceRequest, output: options.OutputOptions) -> None:
    """Print what would change on the Space."""
    with output.running() as (reporter, cancel):
        plan = plan_space(request, reporter, cancel)
    if output.json:
        print_json(plan_document(plan))
    elif not output.quiet:
        show_plan(plan, files=True)


def _push(request: SpaceRequest, yes: bool, output: options.OutputOptions) -> None:
    """Change the Space and print the result."""

    def ask(plan: Plan) -> bool:
        if not output.quiet and not output.json:
            show_plan(plan, files=True)
        question = f"Change the Space {request.space} on {request.target}?"
        return not plan.pending or confirm(question, yes=yes)

    with output.running() as (reporter, cancel):
        result = push_space(replace(request, confirm=ask), reporter, cancel)
    if output.json:
        document = {"space": request.space, "url": result.url, "commit": result.commit}
        print_json({**document, **apply_document(result.applied)})
    elif not output.quiet:
        typer.echo(apply_summary(result.applied))
    result.applied.raise_for_failure()
    if not output.json and not output.quiet:
        typer.echo(_where(request, result))


def _where(request: SpaceRequest, result: SpaceResult) -> str:
    if request.target.kind == "local":
        return f"Its files are at {result.url} (run: hubtools hub serve {request.target.place})"
    return f"The demo is at {result.url}"


def _absolute(recipe: str | None) -> str | None:
    """A recipe's file by a path that works from any folder."""
    file = Path(recipe) if recipe else None
    return str(file.absolute()) if file and file.is_file() else recipe
