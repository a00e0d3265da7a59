"""`hubtools retire`: a model taken down."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hubtools.cli import options
from hubtools.core.cancel import cancel_on_interrupt


def retire(
    name: Annotated[str, typer.Argument(help="The card's name.")],
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete the repository, with its history.")
    ] = False,
    to: options.To = None,
    namespace: options.Namespace = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = 0,
) -> None:
    """Take a model down, and put its accounts on the deny list.

    Its repository becomes private and its README says that it is retired; with --delete it is
    gone. The card stays, with state = "retired". What is on this machine stays too: hubtools posts
    forget removes it.

    Examples:

      hubtools retire harbourlog --to hf --namespace acme

      hubtools retire harbourlog --delete -y
    """
    from hubtools.cli.terminal import print_json
    from hubtools.core.config import find_project
    from hubtools.services.retire import RetireRequest
    from hubtools.services.retire import retire as take_down

    def confirmed(repo: str) -> bool:
        if not yes and sys.stdin.isatty():
            how = "Delete" if delete else "Make private"
            typer.confirm(f"{how} {repo}?", abort=True, err=True)
        return True

    request = RetireRequest(
        project=find_project(),
        name=name,
        delete=delete,
        to=to,
        namespace=namespace,
        confirm=confirmed,
    )
    with cancel_on_interrupt() as cancel:
        done = take_down(request, options.reporter(quiet, verbose), cancel)
    if as_json:
        action = "deleted" if done.deleted else "private" if done.applied else "absent"
        print_json({"repo": done.repo, "action": action, "denied": list(done.denied)})
    elif not quiet:
        if delete:
            typer.echo(f"{done.repo} {'is deleted' if done.deleted else 'was not there'}")
        else:
            typer.echo(f"{done.repo} is retired")
    if done.applied is not None:
        done.applied.raise_for_failure()
