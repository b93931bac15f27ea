"""A user's device as a careful client would build it: the client's rule of design §7 and nothing else.

Written apart from the product's own client on purpose: it is the judge.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import Any

import httpx2
import websockets
from websockets.asyncio.client import ClientConnection, connect

from tests.waiting import until

Json = dict[str, Any]


class Device:
    """Keeps a picture of one inbox by snapshot and entries, through any number of disconnects.

    ``applied`` lists every (seq, monotonic time) in the order of application since the last snapshot;
    ``faults`` every breach of the protocol it saw.
    """

    def __init__(self, url: str, token: str, http: httpx2.AsyncClient) -> None:
        self.url = url
        self._token = token
        self._http = http
        self._socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._replies: dict[str, asyncio.Future[Json]] = {}
        self._ops = 0
        self.epoch = ""
        self.seq = -1
        self.counts: Json = {}
        self.items: dict[str, Json] = {}
        self.applied: list[tuple[int, float]] = []
        self.notifications: list[str] = []
        self.faults: list[str] = []
        self.connects = 0
        self.resumes = 0
        self.snapshots = 0
        self.compared = 0
        self.fetches = 0
        self.closes: list[int] = []

    async def start(self) -> "Device":
        """Connect and wait for the first welcome."""
        self._task = asyncio.create_task(self._live())
        await until(lambda: self.seq >= 0, timeout_s=20)
        return self

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def is_connected(self) -> bool:
        return self._socket is not None

    async def mark(self, op: str, **target: Any) -> Json:
        """Send a mark and wait for its reply. :raises ConnectionError: the socket went away first."""
        if self._socket is None:
            raise ConnectionError("not connected")
        self._ops += 1
        name = f"c{self._ops}"
        reply: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._replies[name] = reply
        try:
            await self._socket.send(json.dumps({"t": op, "op": name, **target}))
            async with asyncio.timeout(15):
                return await reply
        except (websockets.ConnectionClosed, TimeoutError) as error:
            raise ConnectionError("the reply never came") from error
        finally:
            self._replies.pop(name, None)

    async def _live(self) -> None:
        while True:
            try:
                await self._session()
            except (OSError, websockets.WebSocketException, TimeoutError, httpx2.HTTPError):
                pass
            finally:
                self._socket = None
                for reply in self._replies.values():
                    if not reply.done():
                        reply.set_exception(ConnectionError("disconnected"))
            await asyncio.sleep(random.uniform(0.05, 0.4))

    async def _session(self) -> None:
        address = self.url.replace("http", "ws", 1) + "/v1/ws"
        async with connect(address, max_size=2**22, open_timeout=10, ping_interval=None) as socket:
            self.connects += 1
            hello: Json = {"t": "hello", "token": self._token}
            if self.seq >= 0:
                hello["cursor"] = {"epoch": self.epoch, "seq": self.seq}
            await socket.send(json.dumps(hello))
            try:
                while True:
                    async with asyncio.timeout(60):
                        message = json.loads(await socket.recv())
                    await self._take(message, socket)
            finally:
                if socket.close_code is not None:
                    self.closes.append(socket.close_code)

    async def _take(self, message: Json, socket: ClientConnection) -> None:
        match message["t"]:
            case "welcome":
                await self._welcome(message, socket)
            case "entry":
                await self._entry(message)
            case "ping":
                await socket.send('{"t":"pong"}')
            case "sync":
                if message["seq"] > self.seq:
                    await self._fetch()
            case "reply" | "error":
                reply = self._replies.get(message.get("op") or "")
                if reply is not None and not reply.done():
                    reply.set_result(message)

    async def _welcome(self, welcome: Json, socket: ClientConnection) -> None:
        if welcome["resumed"]:
            self.resumes += 1
            if self.seq < 0 or welcome["epoch"] != self.epoch:
                self.faults.append("resumed without a cursor of this epoch")
            expected = self.seq + 1
            for entry in welcome["entries"]:
                if entry["seq"] != expected:
                    self.faults.append(f"welcome after {self.seq}: expected {expected}, got {entry['seq']}")
                expected = entry["seq"] + 1
                await self._entry(entry)
        else:
            self.snapshots += 1
            await self._snapshot(welcome)
        self._socket = socket
        await socket.send(json.dumps({"t": "ack", "seq": self.seq}))

    async def _snapshot(self, welcome: Json) -> None:
        page = await self.pull("")
        if page["seq"] == welcome["seq"]:
            self.compared += 1
            if any(page[name] != welcome[name] for name in ("items", "next", "counts", "epoch")):
                self.faults.append(f"the snapshot at {welcome['seq']} is not the pull API's page")
        # Pages may stand later than the snapshot: entries after it are harmless to apply again.
        self.items = (await whole_inbox(self))[1]
        self.applied = []
        self.notifications = []
        self.epoch, self.seq, self.counts = welcome["epoch"], welcome["seq"], welcome["counts"]

    async def _entry(self, entry: Json) -> None:
        """The client's rule."""
        if entry["seq"] <= self.seq:
            return
        if entry["seq"] == self.seq + 1:
            self._apply(entry)
        else:
            await self._fetch()
            await self._entry(entry)

    async def _fetch(self) -> None:
        self.fetches += 1
        more = True
        while more:
            changes = await self.pull("/changes", epoch=self.epoch, since=self.seq, limit=500)
            for entry in changes["entries"]:
                if entry["seq"] != self.seq + 1:
                    self.faults.append(f"changes after {self.seq} hold {entry['seq']}")
                self._apply(entry)
            more = changes["more"]

    def _apply(self, entry: Json) -> None:
        self.seq = entry["seq"]
        self.counts = entry["counts"]
        self.applied.append((entry["seq"], time.monotonic()))
        kind = entry["kind"]
        if kind == "created":
            self.items[entry["item"]["id"]] = dict(entry["item"])
            self.notifications.append(entry["item"]["notification"])
            return
        chosen = entry.get("ids") or [i for i, item in self.items.items() if item["seq"] <= entry["upto"]]
        for id in chosen:
            if id in self.items:
                _EFFECTS[kind](self.items, id, entry["at"])

    async def pull(self, path: str, **query: Any) -> Json:
        """GET below ``/v1/inbox``, patient with a store that is away for a while."""
        async with asyncio.timeout(60):
            while True:
                try:
                    answer = await self._http.get(
                        f"{self.url}/v1/inbox{path}",
                        params=query,
                        headers={"authorization": f"Bearer {self._token}"},
                        timeout=20,
                    )
                except httpx2.TransportError:
                    await asyncio.sleep(0.2)
                    continue
                if answer.status_code == 503:
                    await asyncio.sleep(0.2)
                    continue
                if answer.status_code != 200:
                    raise AssertionError(f"{path} {query}: {answer.status_code} {answer.text}")
                body: Json = answer.json()
                return body


def _set(items: dict[str, Json], id: str, **times: str | None) -> None:
    for name, at in times.items():
        if at is None or items[id][name] is None:
            items[id][name] = at


_EFFECTS: dict[str, Callable[[dict[str, Json], str, str], object]] = {
    "read": lambda items, id, at: _set(items, id, read_at=at, seen_at=at),
    "unread": lambda items, id, at: _set(items, id, read_at=None),
    "seen": lambda items, id, at: _set(items, id, seen_at=at),
    "archived": lambda items, id, at: _set(items, id, archived_at=at),
    "unarchived": lambda items, id, at: _set(items, id, archived_at=None),
    "removed": lambda items, id, at: items.pop(id, None),
}


async def whole_inbox(device: Device) -> tuple[Json, dict[str, Json]]:
    """The pull API's head and every item it shows (``status=all``), fetched until two pages agree on the head."""
    while True:
        items: dict[str, Json] = {}
        first = page = await device.pull("", status="all", limit=100)
        items.update((item["id"], item) for item in page["items"])
        while page["next"] is not None:
            page = await device.pull("", status="all", limit=100, before=page["next"])
            items.update((item["id"], item) for item in page["items"])
        if page["seq"] == first["seq"]:
            return first, items


async def settled(devices: list[Device]) -> tuple[Json, dict[str, Json]]:
    """``whole_inbox`` once every device stands at its head: marks whose device has gone may still be at work."""
    async with asyncio.timeout(20):
        while True:
            head, items = await whole_inbox(devices[0])
            if all(device.seq == head["seq"] for device in devices):
                return head, items
            await asyncio.sleep(0.1)


async def verdict(devices: list[Device]) -> None:
    """One user's devices after the storm: all tell the same story, and it is the pull API's.

    :raises TimeoutError: a device did not come up to the head.
    :raises AssertionError: with what differs.
    """
    head, items = await settled(devices)
    live = [item for item in items.values() if item["archived_at"] is None]
    assert head["counts"] == {
        "unread": sum(item["read_at"] is None for item in live),
        "unseen": sum(item["seen_at"] is None for item in live),
    }, "counts are facts"
    for device in devices:
        assert device.faults == []
        assert device.seq == head["seq"]
        seqs = [seq for seq, _ in device.applied]
        assert seqs == list(range(head["seq"] - len(seqs) + 1, head["seq"] + 1)), "every entry once, dense, in order"
        assert device.counts == head["counts"]
        assert device.items == items
