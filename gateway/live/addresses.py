"""The address a connection comes from: its own, or the one a proxy of ours names. Pure."""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from inbox.errors import ConfigError

Network = IPv4Network | IPv6Network

_V6_NETWORK_BYTES = 8
"""A home gets a /64 at least: all of it counts as one."""
_MAPPED = bytes(10) + b"\xff\xff"
"""How the addresses of IPv4 begin (``::ffff:192.0.2.1``) on a socket that listens for both."""


class Addresses:
    """Reads ``X-Forwarded-For``, but only where a trusted proxy wrote it.

    :param proxies: ``BELLWIRE_TRUSTED_PROXIES``, a comma-separated list of addresses and networks.
    :raises ConfigError: an element is neither.
    """

    def __init__(self, proxies: str | None) -> None:
        self._proxies = tuple(_network(one.strip()) for one in (proxies or "").split(",") if one.strip())

    def of(self, peer: tuple[str, int] | None, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
        """Where a request comes from, packed: 4 bytes, or 8 of a network of IPv6. Empty if that cannot be known."""
        if peer is None:
            return b""
        if self._proxies and self._is_proxy(peer[0]):
            return _packed(self._behind(peer[0], headers))
        return _packed(peer[0])

    def of_caller(self, peer: tuple[str, int] | None) -> bytes | None:
        """The same before there is a request; ``None`` for a proxy, which is not where anything comes from."""
        if peer is None:
            return b""
        return None if self._proxies and self._is_proxy(peer[0]) else _packed(peer[0])

    def _behind(self, proxy: str, headers: Sequence[tuple[bytes, bytes]]) -> str:
        """The last address in the list that is no proxy of ours: whatever stands before it anybody may have written."""
        forwarded = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
        for hop in reversed(forwarded.split(",")):
            if not self._is_proxy(hop.strip()):
                return hop.strip() or proxy
        return proxy

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        plain = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(parsed in network or plain in network for network in self._proxies)


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        wanted = "expected addresses and networks like 10.0.0.0/8, separated by commas"
        raise ConfigError(f"BELLWIRE_TRUSTED_PROXIES: {wanted}, got {text[:50]}") from None


def _packed(address: str) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        packed = socket.inet_pton(family, address)
    except OSError:
        return b""
    if family == socket.AF_INET:
        return packed
    return packed[len(_MAPPED) :] if packed.startswith(_MAPPED) else packed[:_V6_NETWORK_BYTES]
