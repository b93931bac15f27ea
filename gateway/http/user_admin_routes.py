"""The routes by which a backend looks after its users: profiles, tokens, sessions."""

from gateway.http import views
from gateway.http.export import NDJSON
from gateway.http.operation import Operation
from gateway.http.paging import ListQuery
from gateway.http.profile import Profile
from gateway.http.profiles import ManyProfiles, Profiles
from gateway.http.sessions import EndQuery, Sessions
from gateway.http.users import NewToken, Users


def user_admin_routes(profiles: Profiles, users: Users, sessions: Sessions) -> list[Operation]:
    return [
        Operation(
            id="list_users",
            method="GET",
            path="/v1/users",
            handler=profiles.page,
            summary="The users that have a profile",
            security="users",
            query=ListQuery,
            answer=views.UserList,
        ),
        Operation(
            id="put_users",
            method="POST",
            path="/v1/users",
            handler=profiles.put_many,
            summary="Write up to 1,000 profiles",
            security="users",
            body=ManyProfiles,
            answer=views.Written,
        ),
        Operation(
            id="put_user",
            method="PUT",
            path="/v1/users/{id}",
            handler=profiles.put,
            summary="Write a user's profile",
            security="users",
            body=Profile,
            answer=views.User,
            links=("get_user", "erase_user", "export_user", "create_user_token", "list_topics_of_user"),
            body_optional=True,
        ),
        Operation(
            id="get_user",
            method="GET",
            path="/v1/users/{id}",
            handler=profiles.get,
            summary="A user's profile",
            security="users",
            answer=views.User,
        ),
        Operation(
            id="erase_user",
            method="DELETE",
            path="/v1/users/{id}",
            handler=profiles.erase,
            summary="Erase a user: profile, inbox, topics",
            security="users",
            audited=True,
            status=202,
            answer=views.Erasure,
        ),
        Operation(
            id="export_user",
            method="GET",
            path="/v1/users/{id}/export",
            handler=profiles.export,
            summary="Everything there is of a user, as JSON lines",
            security="users",
            audited=True,
            answer=NDJSON,
        ),
        Operation(
            id="create_user_token",
            method="POST",
            path="/v1/users/{id}/tokens",
            handler=users.new_token,
            summary="A token for one of your users",
            security="users",
            body=NewToken,
            audited=True,
            answer=views.UserToken,
            body_optional=True,
        ),
        Operation(
            id="list_sessions",
            method="GET",
            path="/v1/users/{id}/sessions",
            handler=sessions.list,
            summary="The live sessions of a user, on all nodes",
            security="users",
            answer=views.SessionList,
        ),
        Operation(
            id="end_sessions",
            method="DELETE",
            path="/v1/users/{id}/sessions",
            handler=sessions.end,
            summary="Make a user's tokens void, or one of them, and end their sessions",
            security="users",
            query=EndQuery,
            audited=True,
            status=204,
            answer=None,
        ),
    ]
