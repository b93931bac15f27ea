"""The routes that a backend's token opens, and the one where it gets the token."""

from gateway.http import views
from gateway.http.export import NDJSON
from gateway.http.notifications import Amendment, Notifications
from gateway.http.oauth import OAuth
from gateway.http.operation import Operation
from gateway.http.paging import ListQuery
from gateway.http.profile import Profile
from gateway.http.profiles import ManyProfiles, Profiles
from gateway.http.publish import NewNotification
from gateway.http.signals import NewSignal, Signals
from gateway.http.topics import MemberChanges, TopicBody, Topics
from gateway.http.users import NewToken, Users


def oauth_routes(oauth: OAuth) -> list[Operation]:
    return [
        Operation(
            id="get_access_token",
            method="POST",
            path="/oauth/token",
            handler=oauth.token,
            summary="An access token for a backend (client credentials)",
            security="client",
            answer=views.AccessToken,
            errors=("rate_limited",),
        )
    ]


def notification_routes(notifications: Notifications) -> list[Operation]:
    return [
        Operation(
            id="publish_notification",
            method="POST",
            path="/v1/notifications",
            handler=notifications.publish,
            summary="Publish a notification to up to 1,000 users, or to a topic",
            security="notifications:write",
            body=NewNotification,
            status=202,
            answer=views.Published,
            errors=("idempotency_conflict",),
            links=("get_notification", "amend_notification", "cancel_notification"),
            idempotent=True,
        ),
        Operation(
            id="get_notification",
            method="GET",
            path="/v1/notifications/{id}",
            handler=notifications.get,
            summary="How far a notification is",
            security="notifications:read",
            answer=views.NotificationStatus,
        ),
        Operation(
            id="amend_notification",
            method="PATCH",
            path="/v1/notifications/{id}",
            handler=notifications.amend,
            summary="Change what a notification says, in every inbox",
            security="notifications:write",
            body=Amendment,
            answer=views.NotificationStatus,
            errors=("conflict",),
        ),
        Operation(
            id="cancel_notification",
            method="POST",
            path="/v1/notifications/{id}/cancel",
            handler=notifications.cancel,
            summary="Take a notification out of every inbox",
            security="notifications:write",
            answer=views.NotificationStatus,
        ),
    ]


def topic_routes(topics: Topics, signals: Signals) -> list[Operation]:
    return [
        Operation(
            id="list_topics",
            method="GET",
            path="/v1/topics",
            handler=topics.page,
            summary="Your topics",
            security="topics",
            query=ListQuery,
            answer=views.TopicList,
        ),
        Operation(
            id="put_topic",
            method="PUT",
            path="/v1/topics/{topic}",
            handler=topics.put,
            summary="Make a topic, or describe it anew",
            security="topics",
            body=TopicBody,
            answer=views.Topic,
            links=("get_topic", "delete_topic", "list_members", "change_members", "send_signal"),
            body_optional=True,
        ),
        Operation(
            id="get_topic",
            method="GET",
            path="/v1/topics/{topic}",
            handler=topics.get,
            summary="A topic and its size",
            security="topics",
            answer=views.Topic,
        ),
        Operation(
            id="delete_topic",
            method="DELETE",
            path="/v1/topics/{topic}",
            handler=topics.drop,
            summary="Forget a topic and who is in it",
            security="topics",
            status=204,
            answer=None,
        ),
        Operation(
            id="list_members",
            method="GET",
            path="/v1/topics/{topic}/members",
            handler=topics.members,
            summary="The users in a topic",
            security="topics",
            query=ListQuery,
            answer=views.IdList,
        ),
        Operation(
            id="change_members",
            method="POST",
            path="/v1/topics/{topic}/members",
            handler=topics.change_members,
            summary="Put users into a topic and take users out, up to 1,000 together",
            security="topics",
            body=MemberChanges,
            answer=views.Membership,
        ),
        Operation(
            id="send_signal",
            method="POST",
            path="/v1/topics/{topic}/signals",
            handler=signals.send,
            summary="Show something to whoever is in a live channel now; best effort, not stored",
            security="topics",
            body=NewSignal,
            status=202,
            answer=views.Nothing,
        ),
        Operation(
            id="list_topics_of_user",
            method="GET",
            path="/v1/users/{id}/topics",
            handler=topics.of_user,
            summary="The topics that a user is in",
            security="users",
            query=ListQuery,
            answer=views.IdList,
        ),
    ]


def user_admin_routes(profiles: Profiles, users: Users) -> list[Operation]:
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
    ]
