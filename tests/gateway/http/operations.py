"""Every operation of every role, for tests that look at all of them. Their handlers answer nothing."""

from unittest.mock import Mock

from gateway.http.inbox import UserInbox
from gateway.http.oauth import OAuth
from gateway.http.ops import Ops
from gateway.http.publish import Notifications
from gateway.http.routes import Operation, backend_routes, ops_routes, user_routes
from gateway.http.users import Users

BACKEND: list[Operation] = backend_routes(Mock(OAuth), Mock(Notifications), Mock(Users))
USER: list[Operation] = user_routes(Mock(UserInbox))
OPS: list[Operation] = ops_routes(Mock(Ops))
OPERATIONS = BACKEND + USER + OPS
