"""Users: what a backend tells us of them, everything we have of them, and forgetting them."""

from typing import Annotated

import orjson
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from gateway.http.access import Gate
from gateway.http.body import JsonBody, NoQuery, parse_query
from gateway.http.endpoint import json_answer
from gateway.http.export import NDJSON, export
from gateway.http.names import path_name
from gateway.http.paging import ListQuery, list_json
from gateway.http.problems import PRIVATE
from gateway.http.profile import NamedProfile, Profile, errors_in, to_user, user_json
from gateway.settings import LIMITS
from inbox.directory import Directory
from inbox.errors import FieldError, Invalid
from inbox.service import Inbox


class ManyProfiles(Struct, frozen=True, forbid_unknown_fields=True):
    """Profiles to write at once, each user once."""

    users: Annotated[list[NamedProfile], Meta(min_length=1, max_length=LIMITS.bulk_users)]


_PROFILE = JsonBody(Profile)
_MANY = JsonBody(ManyProfiles)


class Profiles:
    """Handlers of ``/v1/users``. A user needs no profile to have an inbox."""

    def __init__(self, inbox: Inbox, directory: Directory, gate: Gate) -> None:
        self._inbox = inbox
        self._directory = directory
        self._gate = gate

    async def page(self, request: Request) -> Response:
        tenant = await self._tenant(request)
        query = parse_query(request, ListQuery)
        name = f"{tenant} users"
        found = await self._directory.store.users(tenant, query.place(name), query.limit)
        return json_answer(list_json(name, [user_json(user) for user in found.items], found.next))

    async def put_many(self, request: Request) -> Response:
        tenant = await self._tenant(request)
        parse_query(request, NoQuery)
        wanted = (await _MANY.read(request)).users
        _check(wanted)
        await self._directory.put_users(tenant, [to_user(each.id, each) for each in wanted])
        return json_answer(b'{"written":%d}' % len(wanted))

    async def put(self, request: Request) -> Response:
        tenant, user = await self._named(request)
        profile = await _PROFILE.read_if_any(request)
        if errors := list(errors_in(profile)):
            raise Invalid(*errors)
        await self._directory.put_users(tenant, [to_user(user, profile)])
        return json_answer(user_json(await self._directory.user(tenant, user)))

    async def get(self, request: Request) -> Response:
        tenant, user = await self._named(request)
        return json_answer(user_json(await self._directory.user(tenant, user)))

    async def erase(self, request: Request) -> Response:
        tenant, user = await self._named(request)
        state = "done" if await self._inbox.erase(tenant, user) else "running"
        return json_answer(orjson.dumps({"id": user, "state": state}), 202)

    async def export(self, request: Request) -> Response:
        tenant, user = await self._named(request)
        if request.method == "HEAD":
            return Response(None, 200, PRIVATE, NDJSON)
        return StreamingResponse(await export(self._inbox.store, tenant, user), 200, PRIVATE, NDJSON)

    async def _tenant(self, request: Request) -> str:
        access = await self._gate.backend(request, "users")
        return access.tenant

    async def _named(self, request: Request) -> tuple[str, str]:
        """The tenant, and the user in the path; no parameters beside it."""
        tenant = await self._tenant(request)
        parse_query(request, NoQuery)
        return tenant, path_name(request, "id")


def _check(wanted: list[NamedProfile]) -> None:
    """:raises Invalid: a profile that does not fit, or a user who is there twice."""
    errors: list[FieldError] = []
    first: dict[str, int] = {}
    for number, profile in enumerate(wanted):
        path = f"users[{number}]"
        errors += errors_in(profile, path)
        if first.setdefault(profile.id, number) != number:
            errors.append(FieldError(f"{path}.id", f"this user is in users[{first[profile.id]}] already"))
    if errors:
        raise Invalid(*errors[:10])
