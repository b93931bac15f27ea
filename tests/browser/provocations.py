"""For each close code, what brings it about for real."""

import signal
from collections.abc import Awaitable, Callable

from gateway.live.codes import CloseCode
from gateway.settings import LIMITS
from tests.browser.page import Closed
from tests.browser.stage import Stage, hello
from tests.gateway.auth.keyring import RSA, token


async def drain(stage: Stage) -> Closed:
    """The process ends."""
    await stage.welcome()
    stage.serve.send(signal.SIGTERM)
    try:
        return await stage.page.closed()
    finally:
        stage.serve.wait()
        stage.serve.start()


async def token_expired(stage: Stage) -> Closed:
    async with stage.small(leeway_s=0) as (_, url):
        await stage.page.open(url, hello(token(exp_in=1)))
        return await stage.page.closed()


async def stream_reset(stage: Stage) -> Closed:
    """The user is erased."""
    await stage.backend.publish(["ann"], "Hello")
    await stage.welcome()
    erased = await stage.backend.request("DELETE", "/v1/users/ann")
    assert erased.is_success, erased.text
    return await stage.page.closed()


async def hello_timeout(stage: Stage) -> Closed:
    async with stage.small(hello_timeout_s=0.5) as (_, url):
        await stage.page.open(url)
        return await stage.page.closed()


async def rate_limit(stage: Stage) -> Closed:
    """A flood of messages."""
    pongs = ['{"t":"pong"}'] * (LIMITS.messages_burst + 100)
    await stage.page.open(stage.serve.url, hello(await stage.backend.user_token("ann")), *pongs)
    return await stage.page.closed()


async def cannot_verify(stage: Stage) -> Closed:
    """The key server is away."""
    await stage.page.open(stage.serve.url, hello(token(RSA, kid="foreign")))
    return await stage.page.closed()


async def bad_token(stage: Stage) -> Closed:
    await stage.page.open(stage.serve.url, hello("forged"))
    return await stage.page.closed()


async def bad_frame(stage: Stage) -> Closed:
    """Binary."""
    await stage.welcome()
    await stage.page.send("new Uint8Array(3)")
    return await stage.page.closed()


async def too_big(stage: Stage) -> Closed:
    await stage.welcome()
    await stage.page.send(f"'x'.repeat({LIMITS.frame_bytes + 1})")
    return await stage.page.closed()


async def kicked(stage: Stage) -> Closed:
    await stage.welcome()
    assert (await stage.backend.request("DELETE", "/v1/users/ann/sessions")).status_code == 204
    return await stage.page.closed()


async def too_many_connections(stage: Stage) -> Closed:
    """One more than a user may have; the oldest goes."""
    async with stage.small(sessions_per_user=1) as (_, url):
        await stage.page.open(url, hello(token(sub="ann")))
        await stage.page.open(url, hello(token(sub="ann")))
        return await stage.page.closed()


PROVOCATIONS: dict[CloseCode, Callable[[Stage], Awaitable[Closed]]] = {
    CloseCode.DRAIN: drain,
    CloseCode.TOKEN_EXPIRED: token_expired,
    CloseCode.STREAM_RESET: stream_reset,
    CloseCode.HELLO_TIMEOUT: hello_timeout,
    CloseCode.RATE_LIMIT: rate_limit,
    CloseCode.CANNOT_VERIFY: cannot_verify,
    CloseCode.BAD_TOKEN: bad_token,
    CloseCode.BAD_FRAME: bad_frame,
    CloseCode.TOO_BIG: too_big,
    CloseCode.KICKED: kicked,
    CloseCode.TOO_MANY_CONNECTIONS: too_many_connections,
}
