"""`hubtools retire`."""

from __future__ import annotations

from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.cli.confirm import confirm
from hubtools.cli.terminal import print_json
from hubtools.core.config import find_project
from hubtools.services.retire import RetireRequest
from hubtools.services.retire import retire as retire_model


def retire(
    *,
    name: options.CardName,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the repository with its history.")
    ] = False,
    hub: options.HubOptions,
    yes: options.Yes = False,
    output: options.OutputOptions,
) -> None:
    """Take a model down and deny its accounts.

    Makes its repository private with a README that says it is retired, or deletes it with
    --delete, and adds its accounts to the deny list. The card stays, with state = "retired". To
    remove what is on this machine as well, run: hubtools posts forget ACCOUNT

    Examples:
      hubtools retire harbourlog --to hf --namespace acme
      hubtools retire harbourlog --delete -y
    """

    def ask(repo: str) -> bool:
        return confirm(f"{'Delete' if delete else 'Make private'} {repo}?", yes=yes)

    request = RetireRequest(
        project=find_project(),
        name=name,
        delete=delete,
        to=hub.to,
        namespace=hub.namespace,
        confirm=ask,
    )
    with output.running() as (reporter, cancel):
        retired = retire_model(request, reporter, cancel)
    if output.json:
        action = "deleted" if retired.deleted else "private" if retired.applied else "absent"
        print_json({"repo": retired.repo, "action": action, "denied": list(retired.denied)})
    elif not output.quiet:
        if delete:
            typer.echo(f"{retired.repo} {'was deleted' if retired.deleted else 'did not exist'}")
        else:
            typer.echo(f"{retired.repo} is retired")
    if retired.applied is not None:
        retired.applied.raise_for_failure()
