"""URLs of Redis: what is understood, what is refused, and that neither gives the password away."""

import pytest

from inbox.errors import ConfigError
from inbox.redis_address import Address, ClusterAddress

WRONG = [
    "http://:hunter2@host:6379",
    "redis://:hunter2@host:port",
    "redis://:hunter2@host:6379?no_such_option=1",
    "redis://:hunter2@host:6379?socket_timeout=soon",
    "redis+sentinel://:hunter2@one:26379",
    "redis+sentinel://:hunter2@one:port/main",
    "redis+sentinel://:hunter2@/main",
]


@pytest.mark.parametrize("url", WRONG)
def test_an_address_that_does_not_fit_is_refused_without_showing_its_password(url: str) -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_REDIS_URL") as refused:
        Address(url)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "url", ["redis://u:hunter2@host:6379/0", "rediss://u:hunter2@host", "redis+sentinel://u:hunter2@[::1]:1,two/main"]
)
def test_a_connection_does_not_show_its_password(url: str) -> None:
    address = Address(url)
    assert "hunter2" not in f"{address!r} {address.connection()!r}"


@pytest.mark.parametrize(
    "hosts", ["", "one:1,", "one:1,two:port", "one:1,two:2?no_such_option=1"], ids=["none", "half", "port", "option"]
)
def test_a_cluster_that_does_not_fit_is_refused_without_showing_its_password(hosts: str) -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_REDIS_URL") as refused:
        ClusterAddress(f"redis+cluster://:hunter2@{hosts}")
    assert "hunter2" not in str(refused.value)


def test_every_node_of_a_cluster_takes_the_credentials_and_options_of_the_url() -> None:
    address = ClusterAddress("redis+cluster://u:p@one:1,[::1]:2?socket_keepalive=yes")
    assert address.nodes == ["one:1", "[::1]:2"]
    assert address.url("two:3") == "redis://u:p@two:3?socket_keepalive=yes"
