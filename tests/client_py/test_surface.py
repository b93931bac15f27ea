"""Every method against a real server, with either client."""

import inspect
import json
from datetime import UTC, datetime, timedelta

import pytest

import bellwire
from bellwire import Action, Actor, AsyncClient, Channels, Client, Profile
from tests.client_py.conftest import Either, Server, each, had, inbox
from tests.faults.session import greeted

pytestmark = pytest.mark.anyio


def surface(client: Client | AsyncClient) -> dict[str, tuple[str, str | None]]:
    """Every public method: how it is called, and what is said of it."""
    parts = (client.notifications, client.topics, client.users)
    return {
        f"{type(part).__name__}.{name}": (str(inspect.signature(method)), inspect.getdoc(method))
        for part in parts
        for name, method in inspect.getmembers(part, callable)
        if not name.startswith("_")
    }


def test_both_clients_have_the_same_methods_with_the_same_text() -> None:
    here, there = Client("http://x", token="t"), AsyncClient("http://x", token="t")

    assert len(surface(here)) == 22
    assert surface(here) == surface(there)
    assert all(text for _, text in surface(here).values())


async def test_a_notification_is_published_with_all_its_members(client: Either, server: Server) -> None:
    published = await had(
        client.notifications.publish(
            recipients=["ann", "ann", "a/b"],
            title="Ada replied",
            category="comments",
            body="Looks right to me.",
            data={"pull": 7},
            url="/pulls/7",
            actions=[Action("Open", "/pulls/7")],
            actor=Actor("Ada", id="ada"),
            priority="high",
            expires_at=datetime.now(UTC) + timedelta(days=1),
        )
    )

    assert (published.accepted, published.duplicates) == (1, 1)
    assert [(one.recipient, one.code) for one in published.rejected] == [("a/b", "invalid")]
    item = (await inbox(server, client, "ann"))[0]
    assert (item["notification"], item["actor"]["id"], item["priority"]) == (published.id, "ada", "high")


async def test_one_recipient_may_be_a_plain_text(client: Either) -> None:
    published = await had(client.notifications.publish(recipients="bob", title="Hello"))

    assert (published.accepted, published.rejected) == (1, ())


async def test_a_scheduled_notification_waits_and_is_cancelled(client: Either) -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    published = await had(client.notifications.publish(recipients="bob", title="Later", send_at=at))

    waiting = await had(client.notifications.get(published.id))
    assert waiting.state == "scheduled"
    assert waiting.send_at is not None
    assert abs(waiting.send_at - at) < timedelta(milliseconds=1)
    assert (await had(client.notifications.cancel(published.id))).state == "cancelled"


async def test_an_update_changes_what_is_named_and_clears_what_is_none(client: Either, server: Server) -> None:
    published = await had(client.notifications.publish(recipients="cat", title="Old", body="Old", url="/old"))

    changed = await had(client.notifications.update(published.id, title="New", body=None))

    assert (changed.title, changed.body, changed.url, changed.version) == ("New", None, "/old", 2)
    assert (await inbox(server, client, "cat"))[0]["title"] == "New"


async def test_a_later_notification_takes_over_the_unread_one_with_its_collapse_key(
    client: Either, server: Server
) -> None:
    for name in ("Ada", "Ben"):
        publish = client.notifications.publish
        await had(publish(recipients=["dan"], title="Liked", actor=Actor(name), collapse_key=f"like {id(client)}"))

    assert [actor["name"] for actor in (await inbox(server, client, "dan"))[0]["actors"]] == ["Ben", "Ada"]


async def test_a_topic_is_made_filled_published_to_and_dropped(client: Either, server: Server) -> None:
    topic = f"project:{type(client).__name__}"
    users = [f"member-{number:04}" for number in range(2_100)]

    assert (await had(client.topics.put(topic, description="Everybody"))).members == 0
    assert await had(client.topics.add(topic, users)) == 2_100
    assert await had(client.topics.add(topic, iter(users[:10]))) == 0
    assert await had(client.topics.remove(topic, users[:1_050])) == 1_050
    assert (await had(client.topics.get(topic))).members == 1_050
    assert await each(client.topics.members(topic)) == users[1_050:]
    assert topic in await each(client.users.topics(users[-1]))
    assert topic in [found.id for found in await each(client.topics.list())]
    assert (await had(client.notifications.publish(topic=topic, title="Hello"))).accepted == 1_050
    await had(client.topics.delete(topic))
    with pytest.raises(bellwire.NotFound):
        await had(client.topics.get(topic))


async def test_a_signal_is_accepted(client: Either) -> None:
    await had(client.topics.signal("room:7", {"typing": "ada"}))


async def test_profiles_are_written_read_listed_and_erased(client: Either) -> None:
    channels = Channels(email="ann@example.org")
    user = await had(client.users.put("ann", locale="en-GB", time_zone="Europe/London", channels=channels))

    assert (user.locale, user.channels.email, user.data) == ("en-GB", "ann@example.org", {})
    many = (Profile(f"many-{number:04}", data={"pad": "x" * 400}) for number in range(1_200))
    assert await had(client.users.put_many(many)) == 1_200
    assert len({found.id for found in await each(client.users.list())} & {"ann", "many-0000", "many-1199"}) == 3
    assert (await had(client.users.get("many-0007"))).data == {"pad": "x" * 400}
    assert (await had(client.users.delete("ann"))).id == "ann"
    with pytest.raises(bellwire.NotFound):
        await had(client.users.get("ann"))


async def test_an_export_gives_each_line_whole(client: Either) -> None:
    strange = "one\u2028line\x85still"
    await had(client.notifications.publish(recipients="eve", title=strange))

    lines = [json.loads(line) for line in await each(client.users.export("eve"))]

    assert [line["type"] for line in lines][-1] == "end"
    assert strange in [line.get("title") for line in lines if line["type"] == "item"]


async def test_a_user_token_opens_what_it_should_and_does_not_show_itself(client: Either) -> None:
    made = await had(client.users.token("ann", ttl_s=60, topics=["room:*"]))

    assert made.expires_at - datetime.now(UTC) < timedelta(seconds=61)
    assert made.token not in repr(made)


async def test_sessions_are_listed_and_ended(client: Either, server: Server) -> None:
    token = (await had(client.users.token("fay"))).token
    async with greeted(server.url, token) as live:
        await live.welcomed()

        (session,) = await had(client.users.sessions("fay"))
        assert session.session == live.id
        assert abs(session.connected_at - datetime.now(UTC)) < timedelta(seconds=10)
        await had(client.users.end_sessions("fay", jti="another"))
        assert len(await had(client.users.sessions("fay"))) == 1
        await had(client.users.end_sessions("fay"))
        assert await live.closed() == 4503


@pytest.mark.parametrize("user", ["..", "a?b#c", "ann+x@example.org", "prefix:*"])
async def test_ids_arrive_as_they_are(client: Either, user: str) -> None:
    assert (await had(client.users.put(user))).id == user


async def test_an_empty_id_is_refused_before_it_names_something_else(client: Either) -> None:
    with pytest.raises(ValueError, match="expected an id"):
        await had(client.users.delete(""))
