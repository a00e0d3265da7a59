"""`hubtools demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.confirm import confirm
from hubtools.cli.show import apply_document, apply_summary, show_plan
from hubtools.cli.terminal import print_json
from hubtools.core.config import Project, find_project
from hubtools.core.defaults import DEFAULT_PROMPT, DEFAULT_SEED
from hubtools.core.errors import UsageError
from hubtools.demo.limits import Limits
from hubtools.demo.options import Settings
from hubtools.demo.push import apply_space, open_space, plan_space
from hubtools.demo.server import serve
from hubtools.demo.space import space_files, write_space
from hubtools.services.targets import resolve_target
from hubtools.sync.plan_file import plan_document
from hubtools.sync.target import Target, parse_target


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
    max_upload: Annotated[
        int, typer.Option("--megabytes", min=1, metavar="N", help="The largest upload, in MB.")
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
    target = resolve_target(project, to).target
    settings = Settings(
        base=base,
        prompt=prompt,
        seed=seed,
        recipe=_absolute(recipe),
        to=str(target),
        limits=Limits(megabytes=max_upload, minutes=max_train_minutes, trainings=max_concurrent),
    )
    if space is None:
        with output.running() as (reporter, cancel):
            serve(settings, project, host, port, reporter, cancel, open_browser=open_browser)
    elif out is not None:
        files = write_space(out, space, settings)
        if output.json:
            print_json({"space": space, "folder": str(out), "files": list(files)})
        elif not output.quiet:
            typer.echo(f"Wrote the files of the Space {space} to {out}")
    else:
        if to is None and target.kind == "local":
            target = parse_target("hf", Path.cwd())  # a local Hub does not run Spaces
        _push(space, settings, target, project, dry_run, yes, output)


def _push(
    space: str,
    settings: Settings,
    target: Target,
    project: Project,
    dry_run: bool,
    yes: bool,
    output: options.OutputOptions,
) -> None:
    with open_space(target, space, writing=not dry_run) as session:
        planned = plan_space(session, space_files(space, settings))
        if not output.quiet and not output.json:
            show_plan(planned.plan, files=True)
        if dry_run:
            if output.json:
                print_json(plan_document(planned.plan))
            return
        if planned.plan.pending:
            confirm(f"Change the Space {space} on {target}?", yes=yes)
        applied = apply_space(session, planned, private=project.config.hub.private)
        url = session.url
    if output.json:
        commit = next(iter(applied.revisions.values()), planned.change.revision)
        print_json({"space": space, "url": url, "commit": commit, **apply_document(applied)})
    elif not output.quiet:
        typer.echo(apply_summary(applied))
    applied.raise_for_failure()
    if not output.json and not output.quiet:
        local = f"Its files are at {url} (run: hubtools hub serve {target.place})"
        typer.echo(local if target.kind == "local" else f"The demo is at {url}")


def _absolute(recipe: str | None) -> str | None:
    """A recipe's file by a path that works from any folder."""
    file = Path(recipe) if recipe else None
    return str(file.absolute()) if file and file.is_file() else recipe
