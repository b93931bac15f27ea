"""Where Redis is: a URL becomes something that makes connections, or a client."""

from typing import Any
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.connection import AbstractConnection, ConnectionPool
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from inbox.errors import ConfigError

Client = Redis | RedisCluster

# RESP2 says all that a bus needs to hear. Telling Redis the driver's name would read package files at each connect.
_CONNECTION = {"protocol": 2, "driver_info": None}
_PORT = 6_379
_SENTINEL_PORT = 26_379
# Of one sentinel, so that a dead one leaves time to ask the next.
_SENTINEL_TIMEOUT_S = 1.0
_EXPECTED = (
    "BELLWIRE_REDIS_URL: expected redis://host:port, rediss://host:port, "
    "redis+sentinel://host:port,host:port/service or redis+cluster://host:port,host:port"
)


class Address:
    """Makes connections to the Redis that ``url`` names.

    ``redis://[user:password@]host:port``, ``rediss://…`` (TLS), or
    ``redis+sentinel://[user:password@]host:port,host:port/service``: the master is looked up at each connect, the
    credentials are the master's.

    :param options: of the connections, where redis-py's own do not fit.
    :raises ConfigError: none of these. The error never quotes the URL, which may hold a password.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self._sentinel: Sentinel | None = None
        self._options = {**_CONNECTION, **options}
        try:
            if url.startswith("redis+sentinel://"):
                self._pool = self._master_pool(url)
            else:
                self._pool = ConnectionPool.from_url(url, **self._options)
            self.connection()  # refuses the options it does not know
        except (TypeError, ValueError):
            raise ConfigError(_EXPECTED) from None

    def connection(self) -> AbstractConnection:
        """A new connection, not yet connected."""
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]
        return connection

    def client(self) -> Redis:
        """A client, to be closed before this."""
        return Redis.from_pool(self._pool)

    async def close(self) -> None:
        if self._sentinel is not None:
            await self._sentinel.aclose()

    def _master_pool(self, url: str) -> ConnectionPool:
        parts = urlsplit(url)
        service = parts.path.strip("/")
        login, _, hosts = parts.netloc.rpartition("@")
        sentinels = [urlsplit(f"//{host}") for host in hosts.split(",")]
        if not service or not all(sentinel.hostname for sentinel in sentinels):
            raise ValueError("expected sentinels and a service")
        user, _, password = login.partition(":")
        self._sentinel = Sentinel(  # type: ignore[no-untyped-call]
            [(sentinel.hostname, sentinel.port or _SENTINEL_PORT) for sentinel in sentinels],
            sentinel_kwargs={
                **_CONNECTION,
                "retry": Retry(NoBackoff(), 0),
                "socket_timeout": _SENTINEL_TIMEOUT_S,
                "socket_connect_timeout": _SENTINEL_TIMEOUT_S,
            },
        )
        return SentinelConnectionPool(  # type: ignore[no-untyped-call]
            service,
            self._sentinel,
            **self._options,
            username=unquote(user) or None,
            password=unquote(password) or None,
        )


class ClusterAddress:
    """Makes URLs of the nodes of the cluster that ``redis+cluster://[user:password@]host:port,host:port`` names.

    ``nodes`` are those of the URL, ``host:port`` each: any that answers tells of the others. All take its credentials
    and options.

    :raises ConfigError: as ``Address``.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self._options = {**_CONNECTION, **options}
        self._parts = urlsplit(url)
        login, at, hosts = self._parts.netloc.rpartition("@")
        self._login = login + at
        self.nodes = hosts.split(",")
        if not all(self.nodes):
            raise ConfigError(_EXPECTED)
        for node in self.nodes:
            Address(self.url(node))

    def url(self, node: str) -> str:
        """What ``Address`` takes for ``node``."""
        return self._parts._replace(scheme="redis", netloc=self._login + node).geturl()

    def client(self) -> RedisCluster:
        """A client, which finds the way to each key's node by itself."""
        parts = [urlsplit(f"//{node}") for node in self.nodes]
        nodes = [ClusterNode(part.hostname, part.port or _PORT) for part in parts if part.hostname]
        url = self.url(self.nodes[0])
        return RedisCluster.from_url(url, startup_nodes=nodes, require_full_coverage=False, **self._options)

    async def close(self) -> None:
        """Nothing is held open here."""


def address_of(url: str, timeout_s: float) -> Address | ClusterAddress:
    """Where clients are to be had whose answers are due within ``timeout_s``. They try once: trying again is up to you.

    :raises ConfigError: ``url`` is not an address of Redis.
    """
    options = {"retry": Retry(NoBackoff(), 0), "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    return (ClusterAddress if url.startswith("redis+cluster://") else Address)(url, **options)
