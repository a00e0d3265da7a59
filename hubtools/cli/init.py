"""`hubtools init`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.terminal import print_json
from hubtools.services.init import UNKNOWN_ACTION, InitRequest, InitResult
from hubtools.services.init import init as create_project


def init(
    *,
    folder: Annotated[
        Path,
        typer.Argument(metavar="[DIR]", help="The project's folder.", show_default="here"),
    ] = Path(),
    hub: options.HubOptions,
    action: Annotated[
        str | None,
        typer.Option(
            "--action",
            metavar="OWNER/REPO@COMMIT",
            help="The GitHub repository that the workflow takes hubtools from.",
            show_default="where this hubtools was installed from",
        ),
    ] = None,
    output: options.OutputOptions,
) -> None:
    """Create a project: settings, cards and a workflow.

    Writes hubtools.toml, cards/, a deny list and a GitHub workflow. Existing files stay as they
    are; only .gitignore gets the lines that it lacks. A second run changes nothing.

    Examples:
      hubtools init
      hubtools init my-models --namespace my-organization
    """
    request = InitRequest(folder=folder, to=hub.to, namespace=hub.namespace, action=action)
    with output.running() as (reporter, cancel):
        created = create_project(request, reporter, cancel)
    if output.json:
        print_json(
            {
                "folder": str(created.folder),
                "written": created.of("written"),
                "unchanged": created.of("unchanged"),
                "kept": created.of("kept"),
                "action": created.action,
            }
        )
    elif not output.quiet:
        typer.echo("\n".join(_lines(created, folder)))


def _lines(created: InitResult, folder: Path) -> Iterator[str]:
    written = created.of("written")
    yield from (f"  + {name}" for name in written)
    yield from (f"  = {name} exists and was not changed" for name in created.of("kept"))
    if not written:
        yield "Nothing to write"
        return
    yield "\nNext steps:"
    if folder != Path():
        yield f"  cd {folder}"
    if created.namespace is None:
        yield "  Set the owner of the models in hubtools.toml: namespace = …"
    if created.workflow in written:
        if created.action == UNKNOWN_ACTION:
            yield f"  Set the repository and commit of hubtools in {created.workflow}: uses: …"
        yield "  Add a secret HF_TOKEN with write access to the environment `huggingface` on GitHub"
    yield "  hubtools publish my-archive.zip                    to make a first model, or"
    yield "  hubtools cards import --from-hub NAME --to hf      to import existing cards"
