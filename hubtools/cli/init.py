"""`hubtools init`: a project to start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hubtools.cli import options

if TYPE_CHECKING:
    from hubtools.services.init import Scaffold


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where.", show_default="here")
    ] = Path(),
    to: options.To = None,
    namespace: options.Namespace = None,
    action: Annotated[
        str | None,
        typer.Option(
            "--action",
            metavar="OWNER/REPO@COMMIT",
            help="The repository on GitHub from which the workflow takes hubtools.",
            show_default="where this hubtools was installed from",
        ),
    ] = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Write a hubtools.toml, cards/, a deny list and a GitHub workflow to start from.

    Nothing is overwritten: a file that is there and says something else stays as it is, and is
    named. A .gitignore gets the lines that it lacks. Run again, it changes nothing.

    Examples:

      hubtools init

      hubtools init my-models --namespace my-organization
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import HubConfig
    from hubtools.core.repo_names import check_repo_name
    from hubtools.services.init import Wishes, make_project
    from hubtools.sync.target import parse_target

    target, owner = to or HubConfig().to, namespace and check_repo_name(namespace)
    parse_target(target, folder)
    done = make_project(folder, Wishes(target, owner, action))
    if as_json:
        print_json(
            {
                "folder": str(done.folder),
                "written": done.of("written"),
                "unchanged": done.of("unchanged"),
                "kept": done.of("kept"),
                "action": done.action,
            }
        )
    elif not quiet:
        for line in _lines(done, folder):
            typer.echo(line)


def _lines(done: Scaffold, folder: Path) -> Iterator[str]:
    from hubtools.services.init import UNKNOWN_ACTION, WORKFLOW

    written = done.of("written")
    yield from (f"  + {name}" for name in written)
    yield from (f"  = {name} says something else, and stays as it is" for name in done.of("kept"))
    if not written:
        yield "Nothing to write"
        return
    yield ""
    yield "Next:"
    if folder != Path():
        yield f"  cd {folder}"
    if done.namespace is None:
        yield "  Say in hubtools.toml who owns the models: namespace = …"
    workflow = next((name for name in written if name.endswith(WORKFLOW.as_posix())), None)
    if workflow and done.action == UNKNOWN_ACTION:
        yield f"  Say in {workflow} which repository and commit to take hubtools from: uses: …"
    if workflow:
        yield "  Give the environment `huggingface` on GitHub a secret HF_TOKEN that may write"
    yield "  hubtools publish my-archive.zip                    a first model, or"
    yield "  hubtools cards import --from-hub NAME --to hf      the cards that are there already"
