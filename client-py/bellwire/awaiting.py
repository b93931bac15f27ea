"""The client for code on an event loop of asyncio. One client belongs to one loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import Concatenate, ParamSpec, TypeVar

import httpx2

from bellwire.call import Call, Pages, following
from bellwire.calls import notifications, topics, users
from bellwire.config import Config, configured, request_of
from bellwire.errors import Unreachable
from bellwire.exchange import Authorize, Flow, Send, perform
from bellwire.lines import Lines
from bellwire.methods import like
from bellwire.patience import RETRIES, Retries
from bellwire.refusals import lost

P = ParamSpec("P")
T = TypeVar("T")


class Connection:
    """Does what flows ask for."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._turn = asyncio.Lock()
        self.http = httpx2.AsyncClient(**config.http())

    async def call(self, call: Call[T]) -> T:
        return await self._run(perform(call, self._config.patience()))

    async def _run(self, flow: Flow[T]) -> T:
        reply: str | httpx2.Response | Unreachable | None = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Send):
                reply = await self._send(step)
            elif isinstance(step, Authorize):
                reply = await self._authorize(step)
            else:
                await asyncio.sleep(step.seconds)
                reply = None

    async def _authorize(self, step: Authorize) -> str:
        tokens = self._config.tokens
        fetches = tokens.fetches
        async with self._turn:
            found = tokens.settled(step.refused, fetches, step.patience)
            return found if isinstance(found, str) else await self._run(found)

    async def _send(self, step: Send) -> httpx2.Response | Unreachable:
        try:
            answer = await self.http.send(self.http.build_request(**request_of(step)), stream=step.call.streamed)
            if not answer.is_success:
                await answer.aread()
        except httpx2.RequestError as error:
            return lost(error)
        return answer


class Resource:
    """A part of what can be asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


def one(build: Callable[P, Call[T]]) -> Callable[Concatenate[Resource, P], Awaitable[T]]:
    """The method that makes one call."""

    async def method(self: Resource, /, *args: P.args, **options: P.kwargs) -> T:
        return await self._connection.call(build(*args, **options))

    return like(build, method)


def every(build: Callable[P, Pages[T]]) -> Callable[Concatenate[Resource, P], AsyncIterator[T]]:
    """The method that goes through a list, page by page as it is read."""

    async def method(self: Resource, /, *args: P.args, **options: P.kwargs) -> AsyncIterator[T]:
        call: Pages[T] | None = build(*args, **options)
        while call is not None:
            page = await self._connection.call(call)
            for item in page.items:
                yield item
            call = following(call, page)

    return like(build, method)


def total(build: Callable[P, Iterable[Call[int]]]) -> Callable[Concatenate[Resource, P], Awaitable[int]]:
    """The method that makes calls one after the other, and adds up what they did."""

    async def method(self: Resource, /, *args: P.args, **options: P.kwargs) -> int:
        return sum([await self._connection.call(call) for call in build(*args, **options)])

    return like(build, method)


def streamed(build: Callable[P, Call[httpx2.Response]]) -> Callable[Concatenate[Resource, P], AsyncIterator[bytes]]:
    """The method that reads lines as they come."""

    async def method(self: Resource, /, *args: P.args, **options: P.kwargs) -> AsyncIterator[bytes]:
        lines = Lines()
        async with aclosing(await self._connection.call(build(*args, **options))) as answer:
            try:
                async for chunk in answer.aiter_bytes():
                    for line in lines.feed(chunk):
                        yield line
            except httpx2.RequestError as error:
                raise lost(error) from None
        lines.finish()

    return like(build, method)


class Notifications(Resource):
    publish = one(notifications.publish)
    get = one(notifications.get)
    cancel = one(notifications.cancel)
    update = one(notifications.update)


class Topics(Resource):
    put = one(topics.put)
    get = one(topics.get)
    delete = one(topics.delete)
    list = every(topics.list)
    members = every(topics.members)
    add = total(topics.add)
    remove = total(topics.remove)
    signal = one(topics.signal)


class Users(Resource):
    put = one(users.put)
    put_many = total(users.put_many)
    get = one(users.get)
    list = every(users.list)
    topics = every(users.topics)
    delete = one(users.delete)
    export = streamed(users.export)
    token = one(users.token)
    sessions = one(users.sessions)
    end_sessions = one(users.end_sessions)


class AsyncClient:
    """A backend's access to Bellwire, awaited.

    :param url: the backend's side, ``http://host:port``.
    :param client_id: of ``bellwire client create``, with its ``client_secret``; access tokens are fetched as needed.
    :param token: an access token instead, used as it is.
    :param timeout_s: for one try to connect, to write and to read.
    :raises ValueError: something that cannot work.
    """

    def __init__(
        self,
        url: str,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        token: str | None = None,
        timeout_s: float = 10.0,
        retries: Retries = RETRIES,
    ) -> None:
        self._url = url
        self._connection = Connection(configured(url, client_id, client_secret, token, timeout_s, retries))
        self.notifications = Notifications(self._connection)
        self.topics = Topics(self._connection)
        self.users = Users(self._connection)

    def __repr__(self) -> str:
        return f"AsyncClient({self._url})"

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the connections. What is under way fails."""
        await self._connection.http.aclose()
