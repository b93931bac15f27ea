"""Ids of users and topics as they come from outside."""

from typing import Annotated

from starlette.requests import Request

from gateway.fields import text
from inbox.errors import Invalid
from inbox.ids import NAME_PATTERN, NAME_RULE, is_name

Name = Annotated[str, text(NAME_PATTERN, NAME_RULE)]


def path_name(request: Request, parameter: str) -> str:
    """The id in the path of ``request``.

    :raises Invalid: no user and no topic can have it.
    """
    name: str = request.path_params[parameter]
    if not is_name(name):
        raise Invalid.field(parameter, NAME_RULE)
    return name
