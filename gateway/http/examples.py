"""One example of every operation: shown in the reference, and executed by a test in this order."""

from typing import Any

from msgspec import Struct


class Example(Struct, frozen=True, kw_only=True):
    """What is asked and what comes back. ``path`` is the parameter in the path, ``body`` JSON or the form's fields."""

    path: str = ""
    query: dict[str, Any] = {}
    body: Any = None
    answer: Any = None


_NOTIFICATION = "01kb3v5w8y2c4e6g8j0m2p4r6t"
_ITEM = f"{_NOTIFICATION}-7h3k9d2w"
_EPOCH = "k3f9w2m6xq1z.0"
_AT = "2026-11-21T08:00:00.000Z"
_COUNTS = {"unread": 1, "unseen": 1}
_ADA = {"name": "Ada", "id": "ada", "avatar": "https://example.com/ada.png"}
_SAYS = {
    "category": "comments",
    "title": "Ada replied",
    "body": "Looks right to me.",
    "data": {"pull": 7},
    "url": "https://example.com/pulls/7",
    "actions": [{"label": "Open", "url": "/pulls/7"}],
    "actor": _ADA,
    "priority": "normal",
}
_STATUS = {
    "id": _NOTIFICATION,
    "state": "done",
    "total": 2,
    "fanned_out": 2,
    "topic": None,
    "collapse_key": None,
    "version": 1,
    "created_at": _AT,
    "send_at": None,
    "expires_at": "2027-02-19T08:00:00.000Z",
    **_SAYS,
}
_SHOWN = {
    "id": _ITEM,
    "seq": 1,
    "notification": _NOTIFICATION,
    **_SAYS,
    "actors": [_ADA],
    "collapsed": 0,
    "created_at": _AT,
    "seen_at": None,
    "read_at": None,
    "archived_at": None,
    "expires_at": "2027-02-19T08:00:00.000Z",
}
_STANDING = {"epoch": _EPOCH, "seq": 1, "counts": _COUNTS}
_MARKED = {"seq": 2, "changed": [_ITEM], "counts": {"unread": 0, "unseen": 0}}
_TOPIC = {"id": "project:7", "description": "Everybody on the project", "members": 0, "created_at": _AT}
_PROFILE = {
    "locale": "en-GB",
    "time_zone": "Europe/London",
    "channels": {"email": "alice@example.com", "sms": "+442071838750"},
    "data": {"plan": "team"},
}
_USER = {"id": "alice", **_PROFILE, "created_at": _AT, "updated_at": _AT}
_STREAM = (
    f"retry: 3210\nid: {_EPOCH}:1\n"
    'data: {"t":"welcome","session":"7h3k9d2wq8rx","user":"alice",'
    f'"epoch":"{_EPOCH}","seq":1,"counts":{{"unread":1,"unseen":1}},"heartbeat":25,"resumed":true,"entries":[]}}\n\n'
)
_MARK = Example(body={"ids": [_ITEM]}, answer=_MARKED)

EXAMPLES: dict[str, Example] = {
    "get_health": Example(answer={"status": "alive"}),
    "get_readiness": Example(answer={"status": "ready"}),
    "get_metrics": Example(answer="# HELP bellwire_live_sessions ..."),
    "get_access_token": Example(
        body={"grant_type": "client_credentials", "scope": "notifications:write users"},
        answer={
            "access_token": "eyJ0eXAi...",
            "token_type": "Bearer",
            "expires_in": 900,
            "scope": "notifications:write users",
        },
    ),
    "put_user": Example(path="alice", body=_PROFILE, answer=_USER),
    "put_users": Example(body={"users": [{"id": "alice", **_PROFILE}, {"id": "bob"}]}, answer={"written": 2}),
    "get_user": Example(path="alice", answer=_USER),
    "list_users": Example(query={"limit": 1}, answer={"items": [_USER], "next": "QmVsbHdpcmVhbGljZQ"}),
    "create_user_token": Example(
        path="alice",
        body={"ttl_s": 3_600, "topics": ["project:*"]},
        answer={"token": "eyJ0eXAi...", "expires_at": "2026-11-21T09:00:00.000Z"},
    ),
    "put_topic": Example(path="project:7", body={"description": "Everybody on the project"}, answer=_TOPIC),
    "change_members": Example(
        path="project:7", body={"add": ["alice", "bob"], "remove": []}, answer={"added": 2, "removed": 0}
    ),
    "get_topic": Example(path="project:7", answer={**_TOPIC, "members": 2}),
    "list_topics": Example(query={"limit": 25}, answer={"items": [{**_TOPIC, "members": 2}], "next": None}),
    "list_members": Example(path="project:7", query={"limit": 25}, answer={"items": ["alice", "bob"], "next": None}),
    "list_topics_of_user": Example(path="alice", query={"limit": 25}, answer={"items": ["project:7"], "next": None}),
    "send_signal": Example(path="project:7", body={"data": {"typing": "ada"}}, answer={}),
    "publish_notification": Example(
        body={"recipients": ["alice", "bob"], "idempotency_key": "pull-7-comment-31", **_SAYS},
        answer={"id": _NOTIFICATION, "accepted": 2, "duplicates": 0, "rejected": []},
    ),
    "get_notification": Example(path=_NOTIFICATION, answer=_STATUS),
    "get_counts": Example(answer=_STANDING),
    "get_inbox": Example(
        query={"limit": 25, "status": "unread"}, answer={"items": [_SHOWN], "next": None, **_STANDING}
    ),
    "follow_stream": Example(answer=_STREAM),
    "get_changes": Example(
        query={"epoch": _EPOCH, "since": 0, "limit": 100},
        answer={
            "epoch": _EPOCH,
            "seq": 1,
            "entries": [{"t": "entry", "seq": 1, "kind": "created", "at": _AT, "item": _SHOWN, "counts": _COUNTS}],
            "more": False,
        },
    ),
    **{f"{op}_items": _MARK for op in ("seen", "read", "unread", "archive", "unarchive")},
    "amend_notification": Example(
        path=_NOTIFICATION, body={"title": "Ada replied twice"}, answer={**_STATUS, "title": "Ada replied twice"}
    ),
    "export_user": Example(path="alice", answer='{"type":"user","id":"alice"}\n{"type":"end","complete":true}\n'),
    "remove_items": _MARK,
    "cancel_notification": Example(path=_NOTIFICATION, answer={**_STATUS, "state": "cancelled"}),
    "delete_topic": Example(path="project:7"),
    "list_sessions": Example(
        path="alice",
        answer={"sessions": [{"session": "01kb3v5w8y2c4e6g8j0m2p4r6t", "node": "7h3k9d2wq8rx", "connected_at": _AT}]},
    ),
    "end_sessions": Example(path="alice", query={"jti": "5n8c2f7h1k4q"}),
    "erase_user": Example(path="alice", answer={"id": "alice", "state": "done"}),
}
