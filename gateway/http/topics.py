"""Topics: sets of users that are published to as one."""

from typing import Annotated

import msgspec
import orjson
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.access import Gate
from gateway.http.body import JsonBody, NoQuery, parse_query
from gateway.http.endpoint import json_answer
from gateway.http.names import Name, path_name
from gateway.http.paging import ListQuery, list_json
from gateway.http.problems import PRIVATE
from gateway.settings import LIMITS
from inbox.directory import Directory
from inbox.errors import FieldError, Invalid
from inbox.ids import stream_key
from inbox.model import Topic
from inbox.times import rfc3339


class TopicBody(Struct, frozen=True, forbid_unknown_fields=True):
    """What a topic is about."""

    description: Annotated[str, Meta(max_length=LIMITS.description_characters)] | None = None


class MemberChanges(Struct, frozen=True, forbid_unknown_fields=True):
    """Users who should be in the topic and users who should not, at most 1,000 together."""

    add: Annotated[list[Name], Meta(max_length=LIMITS.member_changes)] = []
    remove: Annotated[list[Name], Meta(max_length=LIMITS.member_changes)] = []


_TOPIC = JsonBody(TopicBody)
_CHANGES = JsonBody(MemberChanges)


class Topics:
    """Handlers of ``/v1/topics``, and of the topics of a user."""

    def __init__(self, directory: Directory, gate: Gate) -> None:
        self._directory = directory
        self._store = directory.store
        self._gate = gate

    async def page(self, request: Request) -> Response:
        tenant = await self._tenant(request)
        query = parse_query(request, ListQuery)
        name = f"{tenant} topics"
        found = await self._store.topics(tenant, query.place(name), query.limit)
        return json_answer(list_json(name, [topic_json(topic) for topic in found.items], found.next))

    async def put(self, request: Request) -> Response:
        tenant, topic = await self._named(request)
        wanted = await _TOPIC.read_if_any(request)
        return json_answer(topic_json(await self._store.put_topic(tenant, topic, wanted.description)))

    async def get(self, request: Request) -> Response:
        tenant, topic = await self._named(request)
        return json_answer(topic_json(await self._directory.topic(tenant, topic)))

    async def drop(self, request: Request) -> Response:
        tenant, topic = await self._named(request)
        await self._directory.drop_topic(tenant, topic)
        return Response(None, 204, PRIVATE)

    async def members(self, request: Request) -> Response:
        tenant = await self._tenant(request)
        topic = path_name(request, "topic")
        query = parse_query(request, ListQuery)
        name = f"{tenant} members {topic}"
        found = await self._directory.members(tenant, topic, query.place(name), query.limit)
        return json_answer(list_json(name, [orjson.dumps(user) for user in found.items], found.next))

    async def change_members(self, request: Request) -> Response:
        tenant, topic = await self._named(request)
        wanted = await _CHANGES.read(request)
        _check(wanted)
        done = await self._directory.change_members(tenant, topic, wanted.add, wanted.remove)
        return json_answer(msgspec.json.encode(done))

    async def of_user(self, request: Request) -> Response:
        access = await self._gate.backend(request, "users")
        user = path_name(request, "id")
        query = parse_query(request, ListQuery)
        name = f"{access.tenant} topics-of {user}"
        found = await self._store.topics_of(stream_key(access.tenant, user), query.place(name), query.limit)
        return json_answer(list_json(name, [orjson.dumps(topic) for topic in found.items], found.next))

    async def _tenant(self, request: Request) -> str:
        access = await self._gate.backend(request, "topics")
        return access.tenant

    async def _named(self, request: Request) -> tuple[str, str]:
        """The tenant, and the topic in the path; no parameters beside it."""
        tenant = await self._tenant(request)
        parse_query(request, NoQuery)
        return tenant, path_name(request, "topic")


def topic_json(topic: Topic) -> bytes:
    return orjson.dumps(
        {
            "id": topic.id,
            "description": topic.description,
            "members": topic.members,
            "created_at": rfc3339(topic.created_at),
        }
    )


def _check(wanted: MemberChanges) -> None:
    """:raises Invalid: nothing to change, too much, or a user who should be both in and out."""
    count = len(wanted.add) + len(wanted.remove)
    if not 1 <= count <= LIMITS.member_changes:
        raise Invalid.field(
            "add", f"expected 1 to {LIMITS.member_changes} users in add and remove together, got {count}"
        )
    add = {*wanted.add}
    both = [n for n, user in enumerate(wanted.remove) if user in add]
    if both:
        raise Invalid(*(FieldError(f"remove[{n}]", "this user is in add too") for n in both[:10]))
