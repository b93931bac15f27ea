"""Errors say what happened, as types."""

import pytest

import bellwire
from bellwire.refusals import BY_CODE
from gateway.http.problems import STATUS
from tests.client_py.conftest import Either, had

pytestmark = pytest.mark.anyio

FOR_USERS_OR_NOBODY = {"stream_reset", "method_not_allowed", "internal"}
"""Codes that no method of the SDK can meet, and the one that says no more than the root."""


def test_every_code_of_the_server_has_its_type() -> None:
    assert BY_CODE.keys() == STATUS.keys() - FOR_USERS_OR_NOBODY | {"invalid_client"}


async def test_wrong_fields_are_named(client: Either) -> None:
    with pytest.raises(bellwire.Invalid) as failed:
        await had(client.notifications.publish(recipients="ann", title=""))

    assert [error.field for error in failed.value.errors] == ["title"]
    assert (failed.value.status, failed.value.code) == (422, "invalid")
    assert "title" in str(failed.value)


async def test_a_key_used_again_for_something_else_names_what_it_made(client: Either) -> None:
    key = f"key-{id(client)}"
    first = await had(client.notifications.publish(recipients="ann", title="One", idempotency_key=key))
    again = await had(client.notifications.publish(recipients="ann", title="One", idempotency_key=key))

    with pytest.raises(bellwire.IdempotencyConflict) as failed:
        await had(client.notifications.publish(recipients="ann", title="Two", idempotency_key=key))

    assert again.id == first.id == failed.value.first


async def test_what_was_cancelled_cannot_be_changed(client: Either) -> None:
    published = await had(client.notifications.publish(recipients="ann", title="One"))
    await had(client.notifications.cancel(published.id))

    with pytest.raises(bellwire.Conflict):
        await had(client.notifications.update(published.id, title="Two"))


async def test_what_is_not_there_is_not_found(client: Either) -> None:
    with pytest.raises(bellwire.NotFound, match="check the id"):
        await had(client.topics.get("nowhere"))


async def test_what_is_too_large_is_said_so(client: Either) -> None:
    with pytest.raises(bellwire.TooLarge):
        await had(client.notifications.publish(recipients="ann", title="x", data={"pad": "x" * 300_000}))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"client_id": "x"},
        {"client_id": "x", "client_secret": "y", "token": "z"},
        {"token": "two words"},
        {"token": "sword\nfish"},
    ],
)
def test_what_cannot_work_is_refused_without_showing_secrets(options: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected") as failed:
        bellwire.Client("http://127.0.0.1:8080", **options)  # type: ignore[arg-type]

    assert "fish" not in str(failed.value)


@pytest.mark.parametrize("url", ["", "127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://[::1"])
def test_a_url_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="expected http://host:port"):
        bellwire.Client(url, token="x")


def test_a_url_with_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(ValueError, match="without a user and a password") as failed:
        bellwire.Client("http://ann:swordfish@127.0.0.1:8080", token="x")

    assert "swordfish" not in str(failed.value)
