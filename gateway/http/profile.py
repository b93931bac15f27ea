"""What a backend may tell us of a user, and whether it fits."""

from collections.abc import Iterator
from typing import Annotated
from zoneinfo import available_timezones

import orjson
from msgspec import Meta, Struct, field, to_builtins

from gateway.fields import join, text
from gateway.http.content import Data, check_data
from gateway.http.names import Name
from inbox.errors import FieldError
from inbox.model import User
from inbox.times import rfc3339

# RFC 5646, section 2.1: language, script, region, variants, extensions, private use.
_LOCALE = (
    r"^[A-Za-z]{2,8}(-[A-Za-z]{3}){0,3}(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?"
    r"(-([A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(-[A-WY-Za-wy-z0-9](-[A-Za-z0-9]{2,8})+)*(-[xX](-[A-Za-z0-9]{1,8})+)?\Z"
)
# RFC 5321, sections 4.1.2 and 4.5.3.1: a dot-string or a quoted string of at most 64 characters, and a domain. No
# address literal: what is kept here is written to, and [127.0.0.1] is nobody's mailbox.
_LOCAL = r"([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*|\"([ !#-\[\]-~]|\\[ -~])*\")"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = rf"^(?=[^\n]{{1,64}}@[^@]{{1,255}}\Z){_LOCAL}@{_LABEL}(\.{_LABEL})*\Z"
_E164 = r"^\+[1-9][0-9]{1,14}\Z"

Locale = Annotated[str, text(_LOCALE, "expected a language tag of BCP 47 such as en or pt-BR", 64)]
Email = Annotated[str, text(_EMAIL, "expected a mail address of RFC 5321 such as ana@example.org", 254)]
_ZONE_RULE = "expected a name of the IANA time zone database such as Europe/Berlin"
Phone = Annotated[str, text(_E164, "expected a telephone number of E.164 such as +4915112345678")]
TimeZone = Annotated[str, Meta(max_length=64, description=_ZONE_RULE)]

_TIME_ZONES = available_timezones()


class Channels(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where a user can be reached outside."""

    email: Email | None = None
    sms: Phone | None = None


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """A user as the backend describes it. ``data`` is its own."""

    locale: Locale | None = None
    time_zone: TimeZone | None = None
    channels: Channels = Channels()
    data: Data = field(default_factory=dict)


class NamedProfile(Profile, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A profile and whose it is."""

    id: Name


def errors_in(profile: Profile, path: str = "") -> Iterator[FieldError]:
    """What the form itself cannot say; ``path`` is where the profile stands in the request."""
    if profile.time_zone is not None and profile.time_zone not in _TIME_ZONES:
        yield FieldError(
            join(path, "time_zone"), "expected a name of the IANA time zone database such as Europe/Berlin"
        )
    yield from check_data(join(path, "data"), profile.data)


def to_user(id: str, profile: Profile) -> User:
    return User(id, profile.locale, profile.time_zone, to_builtins(profile.channels), orjson.dumps(profile.data))


def user_json(user: User) -> bytes:
    members = {
        "id": user.id,
        "locale": user.locale,
        "time_zone": user.time_zone,
        "channels": user.channels,
        "data": orjson.Fragment(user.data),
        "created_at": rfc3339(user.created_at),
        "updated_at": rfc3339(user.updated_at),
    }
    return orjson.dumps(members)
