"""The routes that a backend's token opens, and the one where it gets the token. Of users: ``user_admin_routes``."""

from gateway.http import views
from gateway.http.notifications import Amendment, Notifications
from gateway.http.oauth import OAuth
from gateway.http.operation import Operation
from gateway.http.paging import ListQuery
from gateway.http.publish import NewNotification
from gateway.http.signals import NewSignal, Signals
from gateway.http.topics import MemberChanges, TopicBody, Topics


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
