"""Every operation of every role, for tests that look at all of them. Their handlers answer nothing."""

from unittest.mock import Mock

from gateway.http.backend_routes import notification_routes, oauth_routes, topic_routes
from gateway.http.inbox import UserInbox
from gateway.http.notifications import Notifications
from gateway.http.oauth import OAuth
from gateway.http.operation import Operation
from gateway.http.ops import Ops
from gateway.http.profiles import Profiles
from gateway.http.routes import ops_routes, stream_routes, user_routes
from gateway.http.sessions import Sessions
from gateway.http.signals import Signals
from gateway.http.stream import UserStream
from gateway.http.topics import Topics
from gateway.http.user_admin_routes import user_admin_routes
from gateway.http.users import Users

BACKEND: list[Operation] = [
    *oauth_routes(Mock(OAuth)),
    *notification_routes(Mock(Notifications)),
    *topic_routes(Mock(Topics), Mock(Signals)),
    *user_admin_routes(Mock(Profiles), Mock(Users), Mock(Sessions)),
]
USER: list[Operation] = user_routes(Mock(UserInbox))
OPS: list[Operation] = ops_routes(Mock(Ops))
LIVE: list[Operation] = stream_routes(Mock(UserStream))
"""Their answers have no end: they take a real server, and are tested in ``tests/gateway/live``."""
OPERATIONS = BACKEND + USER + LIVE + OPS
