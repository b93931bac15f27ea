"""The Redis bus and a real redis-server: who hears what, forgeries, subscriptions, passwords."""

import asyncio
import time
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from inbox.bus.redis.seal import Seal
from tests.inbox.bus.ear import ANNA, BEN, CLEO, KEY, Ear, Make, hears, start
from tests.servers.certificate import Certificate
from tests.servers.ports import free_port
from tests.servers.redis import RedisServer
from tests.waiting import until

pytestmark = pytest.mark.anyio


def push(server: RedisServer, stream: str, message: bytes) -> None:
    """Publish raw bytes, as somebody with access to Redis could."""
    with server.client() as client:
        assert client.publish(f"bw:{stream}", message) == 1


async def test_two_nodes_hear_what_a_third_process_publishes(make: Make) -> None:
    ears = [Ear(), Ear()]
    for ear in ears:
        await start(make(), ear, ANNA)
    (await start(make(), None)).publish(ANNA, 1, "g.0", b"{}")
    await until(lambda: [ear.numbers(ANNA) for ear in ears] == [[1], [1]])


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        b'{"t":"entry","seq":1}',
        bytes(1_000_000),
        Seal(bytes(32)).close(ANNA, 1, "g.0", b"{}"),
        Seal(KEY).close(BEN, 1, "g.0", b"{}"),
        b"\x02" + Seal(KEY).close(ANNA, 1, "g.0", b"{}")[1:],
    ],
    ids=["empty", "one byte", "a bare frame", "zeros", "another key", "another stream's", "another version"],
)
async def test_a_message_that_is_not_ours_is_dropped_and_counted(
    message: bytes, make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear, ANNA)
    push(server, ANNA, message)
    await hears(bus, ear, ANNA)
    assert bus.statistics().forged == 1
    assert len(ear.heard) == 1


async def test_a_forged_heartbeat_is_dropped_and_counted(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(), ear)
    with server.client() as client:
        (own,) = client.pubsub_channels()
        client.publish(own, b"\x01" + bytes(30))
    await until(lambda: bus.statistics().forged == 1)


async def test_a_reply_beyond_any_bound_ends_the_connection_not_the_memory(
    make: Make, server: RedisServer, ear: Ear
) -> None:
    bus = await start(make(), ear, ANNA)
    push(server, ANNA, bytes(16 * 1024 * 1024))
    await until(lambda: bus.statistics().reconnects >= 1)
    await hears(bus, ear, ANNA)


async def test_a_confirmation_after_the_wait_was_given_up_is_a_gap(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(), ear, ANNA)
    server.freeze()
    begun = time.monotonic()
    assert not await bus.subscribe([ANNA, BEN], timeout_s=0.2)
    assert time.monotonic() - begun < 1
    server.thaw()
    await until(lambda: ear.gaps == [BEN])
    assert await bus.subscribe([BEN], timeout_s=0)


async def test_a_resubscription_is_confirmed_anew_and_then_a_gap(make: Make, ear: Ear) -> None:
    bus = await start(make(), ear, ANNA, BEN)
    bus.resubscribe([ANNA, CLEO])
    await until(lambda: ear.gaps == [ANNA])


async def test_10_000_subscriptions_are_confirmed_within_2_s(make: Make, ear: Ear) -> None:
    bus = await start(make(), ear)
    streams = [f"acme/{number}" for number in range(10_000)]
    begun = time.monotonic()
    assert await bus.subscribe(streams, timeout_s=2)
    assert time.monotonic() - begun < 2
    await hears(bus, ear, streams[-1])


async def test_a_wait_for_a_stream_ends_when_the_stream_is_left(make: Make, server: RedisServer, ear: Ear) -> None:
    bus = await start(make(deaf_after_s=30), ear)
    server.freeze()
    waiting = asyncio.create_task(bus.subscribe([ANNA], timeout_s=30))
    await until(lambda: bus.statistics().subscriptions == 1)
    bus.unsubscribe([ANNA])
    with anyio.fail_after(5):
        assert not await waiting


async def test_a_refusal_by_redis_is_named_and_ends_when_it_is_lifted(
    make: Make, server: RedisServer, ear: Ear, capsys: pytest.CaptureFixture[str]
) -> None:
    bus = await start(make(), ear, ANNA)
    with server.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "resetchannels")
        server.cut_pubsub()
        shown = ""

        def refused() -> bool:
            nonlocal shown
            shown += capsys.readouterr().out
            return "NOPERM" in shown

        await until(refused)
        client.execute_command("ACL", "SETUSER", "default", "allchannels")
    await until(lambda: ear.gaps == [ANNA])
    await hears(bus, ear, ANNA)


async def test_a_listener_that_breaks_its_word_does_not_leave_the_node_deaf(make: Make, ear: Ear) -> None:
    def fail_once(_: str) -> None:
        ear.on_frame = lambda stream: None
        raise RuntimeError("a listener must not raise")

    bus = await start(make(), ear, ANNA)
    ear.on_frame = fail_once
    bus.publish(ANNA, 1, "g.0", b"{}")
    await until(lambda: ear.gaps == [ANNA])
    await hears(bus, ear, ANNA)


async def test_a_wrong_password_keeps_the_node_degraded_and_is_not_shown(
    tmp_path: Path, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = RedisServer(tmp_path, "--requirepass", "open-sesame")
    locked.start()
    shown: list[str] = []

    def tried() -> bool:
        shown.append(capsys.readouterr().out)
        return "bus_degraded" in "".join(shown)

    try:
        bus = make(url=locked.url.replace("://", "://:hunter2@"))
        await bus.start(None)
        await until(tried)
        assert bus.is_degraded()
        assert "hunter2" not in "".join(shown)
    finally:
        locked.stop()


async def test_the_password_of_the_url_opens_a_locked_redis(tmp_path: Path, make: Make, ear: Ear) -> None:
    locked = RedisServer(tmp_path, "--requirepass", "open-sesame")
    locked.start()
    try:
        bus = await start(make(url=locked.url.replace("://", "://:open-sesame@")), ear, ANNA)
        await hears(bus, ear, ANNA)
        await bus.close()
    finally:
        locked.stop()


async def test_the_bus_works_over_tls(tmp_path: Path, make: Make, ear: Ear) -> None:
    certificate, port = Certificate(tmp_path), free_port()
    files = ["--tls-cert-file", str(certificate.file), "--tls-key-file", str(certificate.key_file)]
    guarded = RedisServer(tmp_path, "--tls-port", str(port), *files, "--tls-auth-clients", "no")
    guarded.start()
    try:
        bus = await start(make(url=f"rediss://127.0.0.1:{port}?ssl_ca_certs={certificate.file}"), ear, ANNA)
        for seq in range(1, 1_001):
            bus.publish(ANNA, seq, "g.0", bytes(500))
        await until(lambda: ear.numbers(ANNA) == list(range(1, 1_001)))
        await bus.close()
    finally:
        guarded.stop()
