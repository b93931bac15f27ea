"""The client for code that waits. It may be shared by threads."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from threading import Lock
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
        self._turn = Lock()
        self.http = httpx2.Client(**config.http())

    def call(self, call: Call[T]) -> T:
        return self._run(perform(call, self._config.patience()))

    def _run(self, flow: Flow[T]) -> T:
        reply: str | httpx2.Response | Unreachable | None = None
        while True:
            try:
                step = flow.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result
            if isinstance(step, Send):
                reply = self._send(step)
            elif isinstance(step, Authorize):
                reply = self._authorize(step)
            else:
                time.sleep(step.seconds)
                reply = None

    def _authorize(self, step: Authorize) -> str:
        tokens = self._config.tokens
        fetches = tokens.fetches
        with self._turn:
            found = tokens.settled(step.refused, fetches, step.patience)
            return found if isinstance(found, str) else self._run(found)

    def _send(self, step: Send) -> httpx2.Response | Unreachable:
        try:
            answer = self.http.send(self.http.build_request(**request_of(step)), stream=step.call.streamed)
            if not answer.is_success:
                answer.read()
        except httpx2.RequestError as error:
            return lost(error)
        return answer


class Resource:
    """A part of what can be asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


def one(build: Callable[P, Call[T]]) -> Callable[Concatenate[Resource, P], T]:
    """The method that makes one call."""

    def method(self: Resource, /, *args: P.args, **options: P.kwargs) -> T:
        return self._connection.call(build(*args, **options))

    return like(build, method)


def every(build: Callable[P, Pages[T]]) -> Callable[Concatenate[Resource, P], Iterator[T]]:
    """The method that goes through a list, page by page as it is read."""

    def method(self: Resource, /, *args: P.args, **options: P.kwargs) -> Iterator[T]:
        call: Pages[T] | None = build(*args, **options)
        while call is not None:
            page = self._connection.call(call)
            yield from page.items
            call = following(call, page)

    return like(build, method)


def total(build: Callable[P, Iterable[Call[int]]]) -> Callable[Concatenate[Resource, P], int]:
    """The method that makes calls one after the other, and adds up what they did."""

    def method(self: Resource, /, *args: P.args, **options: P.kwargs) -> int:
        return sum(self._connection.call(call) for call in build(*args, **options))

    return like(build, method)


def streamed(build: Callable[P, Call[httpx2.Response]]) -> Callable[Concatenate[Resource, P], Iterator[bytes]]:
    """The method that reads lines as they come."""

    def method(self: Resource, /, *args: P.args, **options: P.kwargs) -> Iterator[bytes]:
        lines = Lines()
        with closing(self._connection.call(build(*args, **options))) as answer:
            try:
                for chunk in answer.iter_bytes():
                    yield from lines.feed(chunk)
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


class Client:
    """A backend's access to Bellwire.

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
        return f"Client({self._url})"

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connections. What is under way fails."""
        self._connection.http.close()
