"""A backend that publishes, and remembers what it was promised."""

import asyncio
import random
import secrets
from typing import Any

import httpx2


class Backend:
    """Publishes through the API with keys of its own; ``accepted`` holds key → notification id of every 2xx."""

    def __init__(self, url: str, http: httpx2.AsyncClient, client: tuple[str, str]) -> None:
        self.url = url
        self._http = http
        self._client = client
        self._token = ""
        self.accepted: dict[str, str] = {}
        self.unanswered: dict[str, dict[str, Any]] = {}
        self.statuses: list[int] = []

    async def login(self) -> "Backend":
        answer = await self._http.post(
            f"{self.url}/oauth/token", data={"grant_type": "client_credentials"}, auth=self._client
        )
        assert answer.status_code == 200, answer.text
        self._token = answer.json()["access_token"]
        return self

    async def request(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"authorization": f"Bearer {self._token}", **options.pop("headers", {})}
        return await self._http.request(method, f"{self.url}{path}", headers=headers, timeout=20, **options)

    async def user_token(self, user: str) -> str:
        answer = await self.request("POST", f"/v1/users/{user}/tokens", json={})
        assert answer.status_code in (200, 201), answer.text
        token: str = answer.json()["token"]
        return token

    async def publish(self, recipients: list[str], title: str, key: str | None = None) -> int:
        """One try. The status, 0 where no answer came; what has no 2xx stays in ``unanswered`` for a retry."""
        key = key or secrets.token_hex(8)
        body = {"recipients": recipients, "title": title, "idempotency_key": key}
        self.unanswered[key] = body
        status = await self._post(key, body)
        self.statuses.append(status)
        return status

    async def _post(self, key: str, body: dict[str, Any]) -> int:
        try:
            answer = await self.request("POST", "/v1/notifications", json=body)
        except httpx2.TransportError:
            return 0
        if answer.status_code == 202:
            id = answer.json()["id"]
            assert self.accepted.setdefault(key, id) == id, "one key, one notification"
            self.unanswered.pop(key, None)
        return answer.status_code

    async def retry_unanswered(self) -> None:
        """Retry with the same keys until each has its 2xx."""
        async with asyncio.timeout(60):
            while self.unanswered:
                for key, body in list(self.unanswered.items()):
                    if await self._post(key, body) != 202:
                        await asyncio.sleep(random.uniform(0.1, 0.3))
