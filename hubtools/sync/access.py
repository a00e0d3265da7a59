"""Who a token belongs to, and where it may write."""

from __future__ import annotations

import os

from hubtools.core.errors import AccessError
from hubtools.sync.client import HubClient, parse_json
from hubtools.sync.http_errors import LOGIN, translated_errors
from hubtools.sync.target import LOCAL_NAMESPACE, Target


def resolve_namespace(
    hub: HubClient, target: Target, namespace: str | None, *, writing: bool
) -> str:
    """`namespace`, or the owner of the token.

    A local Hub needs no request, and neither does reading a namespace by name. Raises AccessError
    without a token, or for `writing` with one that may not write there.
    """
    if target.kind == "local":
        return namespace or LOCAL_NAMESPACE
    if namespace is not None and not writing:
        return namespace
    with translated_errors(str(target)):
        signed_in = hub.signed_in
    if not signed_in:
        raise AccessError("not logged in", where=target, fix=LOGIN)
    if namespace is not None and os.environ.get("HF_OIDC_RESOURCE"):
        return namespace  # a token of trusted publishing belongs to a repository and to nobody
    user = parse_json(hub.get("/api/whoami-v2", str(target)), str(target), dict, "name")
    allowed = [user["name"], *(org["name"] for org in user.get("orgs", ()))]
    if namespace is not None and namespace not in allowed:
        raise AccessError(
            f"{user['name']} may not publish to {namespace!r}",
            where=target,
            fix=f"Use --namespace with one of: {', '.join(allowed)}",
        )
    role = user.get("auth", {}).get("accessToken", {}).get("role")
    if writing and role == "read":
        raise AccessError("the token has read access only", where=target, fix=LOGIN)
    return namespace or str(user["name"])
