"""Which servers may be asked: public ones, over https.

An address that a person types, a redirect and a DID document all name hosts. None of them may lead
a request into this machine's own network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from hubtools.core.errors import HubUnavailableError, SourceError

_NAT64 = IPv6Network("64:ff9b::/96")


def origin_of(url: str) -> str:
    """Scheme, host and port of `url`. Raises SourceError for an invalid URL."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise SourceError(
            "is not a valid server address",
            where=url[:200],
            fix="Write it like https://example.com",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{port}"


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an IP address, without a port) is literally this machine."""
    found = _address(host)
    return host == "localhost" if found is None else found.is_loopback


@dataclass(frozen=True, slots=True)
class AddressGuard:
    """Allows https to public addresses, and the `trusted` servers."""

    trusted: frozenset[str]
    resolve: Callable[[str], Sequence[str]]

    def check(self, url: str) -> None:
        """Raises SourceError for a server that must not be asked, HubUnavailableError for a host
        that does not resolve."""
        origin = origin_of(url)
        if origin in self.trusted:
            return
        if not origin.startswith("https:"):
            raise SourceError("is not https", where=origin, fix="Use an https address")
        host = urlsplit(url).hostname or ""
        if _address(host) is not None:
            self.check_peer(origin, host)
        elif is_loopback(host):
            raise _private(origin)
        elif not _proxied(host):
            for address in self._addresses(host):
                self.check_peer(origin, address)

    def check_peer(self, origin: str, address: str) -> None:
        """Raises SourceError if `address`, an IP address of `origin`, is not public."""
        if origin in self.trusted:
            return
        found = _behind(ip_address(address.partition("%")[0]))
        if not found.is_global or found.is_multicast:
            raise _private(origin)

    def sees_peer(self, url: str) -> bool:
        """Whether a connection for `url` ends at the server, not at a proxy."""
        return not _proxied(urlsplit(url).hostname or "")

    def _addresses(self, host: str) -> Sequence[str]:
        try:
            return self.resolve(host)
        except (OSError, UnicodeError) as error:
            raise HubUnavailableError(
                "cannot be found",
                where=host,
                fix="Check the address and your connection, and run again",
            ) from error


def _behind(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address inside an IPv6 one (mapped, 6to4, NAT64), or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _proxied(host: str) -> bool:
    proxies = getproxies()
    return bool(proxies.get("https") or proxies.get("all")) and not proxy_bypass(host)


def _private(origin: str) -> SourceError:
    return SourceError(
        "is in a private network", where=origin, fix="Use the address of a public server"
    )
