"""Where a connection comes from, as far as that can be believed."""

import socket

import pytest

from gateway.live.addresses import Addresses
from gateway.server import listen
from inbox.errors import ConfigError

PROXY = "10.0.0.7"


def where(peer: str, *forwarded: str, proxies: str | None = "10.0.0.0/8, 2001:db8::1") -> bytes:
    headers = [(b"host", b"x"), *((b"x-forwarded-for", each.encode("latin-1")) for each in forwarded)]
    return Addresses(proxies).of((peer, 1), headers)


def test_without_trusted_proxies_a_header_says_nothing() -> None:
    assert where("192.0.2.1", "198.51.100.9", proxies=None) == bytes((192, 0, 2, 1))


def test_a_header_from_anybody_else_says_nothing() -> None:
    assert where("192.0.2.1", "198.51.100.9") == bytes((192, 0, 2, 1))


@pytest.mark.parametrize(
    "forwarded",
    [
        ["198.51.100.9"],
        ["203.0.113.5, 198.51.100.9"],
        ["203.0.113.5", "198.51.100.9"],
        ["198.51.100.9, 10.9.9.9"],
        ["nonsense,198.51.100.9 , 10.1.1.1, 10.2.2.2"],
    ],
)
def test_behind_a_proxy_it_is_the_last_hop_that_is_no_proxy(forwarded: list[str]) -> None:
    """What stands before that hop, the client itself may have written."""
    assert where(PROXY, *forwarded) == bytes((198, 51, 100, 9))


@pytest.mark.parametrize("forwarded", [[], [""], ["10.1.1.1"]])
def test_a_proxy_that_names_nobody_stands_for_itself(forwarded: list[str]) -> None:
    assert where(PROXY, *forwarded) == bytes((10, 0, 0, 7))


def test_a_network_of_ipv6_is_one_address() -> None:
    assert where("2001:db8:1:2::1") == where("2001:db8:1:2:ffff::9") != where("2001:db8:1:3::1")


@pytest.mark.parametrize("written", ["::ffff:192.0.2.1", "::FFFF:c000:201"])
def test_an_address_of_ipv4_is_the_same_one_in_the_writing_of_ipv6(written: str) -> None:
    assert where(written) == where(PROXY, written) == where("192.0.2.1") == bytes((192, 0, 2, 1))


@pytest.mark.parametrize("proxies", ["10.0.0.0/8", "::ffff:10.0.0.0/104"])
def test_a_proxy_of_ipv4_is_one_in_the_writing_of_ipv6_too(proxies: str) -> None:
    assert where("::ffff:10.0.0.7", "198.51.100.9, ::ffff:10.1.1.1", proxies=proxies) == bytes((198, 51, 100, 9))


def test_clients_of_ipv4_are_told_apart_where_one_socket_listens_for_both() -> None:
    with listen("::", 0) as listener, socket.socket() as client:
        listener.setblocking(True)
        client.connect(("127.0.0.1", listener.getsockname()[1]))
        connection, peer = listener.accept()
        connection.close()
    assert Addresses(None).of((peer[0], peer[1]), []) == bytes((127, 0, 0, 1))


@pytest.mark.parametrize("forwarded", ["nonsense", "1.2.3.4.5", "\xff", "::g", "1.2.3.4:80"])
def test_what_is_no_address_counts_as_one_unknown(forwarded: str) -> None:
    assert where(PROXY, forwarded) == b""


def test_a_socket_without_a_peer_is_unknown() -> None:
    assert Addresses(None).of(None, []) == b""


@pytest.mark.parametrize("proxies", ["nonsense", "10.0.0.0/99", "10.0.0.1/8", "10.0.0.1;10.0.0.2"])
def test_a_proxy_that_is_no_network_is_a_config_error(proxies: str) -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_TRUSTED_PROXIES"):
        Addresses(proxies)
