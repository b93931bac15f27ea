"""Two processes that take publishes over one store, and a place to ask as a user."""

import asyncio
from typing import Any

import httpx2

from tests.faults.backend import Backend
from tests.faults.fleet import Fleet, Program

SCOPES = ("notifications:write", "notifications:read", "users", "topics")


class Pair:
    """On SQLite two ``serve`` on one file, on MongoDB two ``api`` and a gateway; over a real Redis.

    :param fleet: where they run; its settings say which store it is.
    """

    def __init__(self, fleet: Fleet, http: httpx2.AsyncClient) -> None:
        self.fleet = fleet
        self._http = http
        self._spread = "BELLWIRE_MONGO_URL" in fleet.environ
        self.programs: list[Program] = []
        self.backends: list[Backend] = []
        self._tokens: dict[str, str] = {}

    async def start(self, programs: int = 2) -> "Pair":
        roles = [*["api"] * programs, "gateway"] if self._spread else ["serve"] * programs
        started = await asyncio.to_thread(self.fleet.add_all, *roles)
        self.programs, self._url = started[:programs], started[-1].url
        client = await asyncio.to_thread(self.fleet.client, *SCOPES)
        self.backends = [await Backend(each.url, self._http, client).login() for each in self.programs]
        return self

    async def ask(self, number: int, method: str, path: str, **options: Any) -> Any:
        """What backend ``number`` is answered; it must be a success.

        :raises AssertionError: it was refused.
        """
        answer = await self.backends[number].request(method, path, **options)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def publish(self, number: int, **body: Any) -> str:
        """The id of a new notification."""
        return str((await self.ask(number, "POST", "/v1/notifications", json={"title": "Hello", **body}))["id"])

    async def mark(self, user: str, op: str, **body: Any) -> httpx2.Response:
        """A user marks items."""
        if user not in self._tokens:
            self._tokens[user] = await self.backends[0].user_token(user)
        headers = {"authorization": f"Bearer {self._tokens[user]}"}
        return await self._http.post(f"{self._url}/v1/inbox/{op}", json=body, headers=headers)

    async def make_topic(self, topic: str, users: list[str]) -> None:
        await self.ask(0, "PUT", f"/v1/topics/{topic}", json={})
        for start in range(0, len(users), 1_000):
            await self.ask(0, "POST", f"/v1/topics/{topic}/members", json={"add": users[start : start + 1_000]})

    async def status(self, id: str, number: int = 0) -> dict[str, Any]:
        """A notification as it is now; asked again while the store is too busy to say, and when the token has ended."""
        while True:
            answer = await self.backends[number].request("GET", f"/v1/notifications/{id}")
            if answer.status_code == 503:
                await asyncio.sleep(float(answer.headers["retry-after"]))
            elif answer.status_code == 401:
                await self.backends[number].login()
            else:
                assert answer.is_success, answer.text
                found: dict[str, Any] = answer.json()
                return found

    async def settled(self, id: str, *states: str, number: int = 0, timeout_s: float = 60) -> dict[str, Any]:
        """A notification once it is in one of ``states`` (and, if running on, has come to its end)."""
        async with asyncio.timeout(timeout_s):
            while True:
                found = await self.status(id, number)
                if found["state"] in states:
                    return found
                await asyncio.sleep(0.02)
