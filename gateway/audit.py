"""The audit: one line in the log for whatever was denied to a backend, and for every administrative act.

For example ``{"event": "audit", "act": "POST /v1/users/{id}/tokens", "target": "alice", "outcome": "ok", …}``: who did
or tried what to which thing, and what came of it. Never a token, a secret or a body.
"""

import structlog

log = structlog.get_logger()

TARGET_CHARACTERS = 128


def audit(act: str, outcome: str, *, tenant: str, client: str = "", user: str = "", target: str = "") -> None:
    """Write the line.

    :param act: the command, or method and route.
    :param outcome: ``ok``, or the code of the error.
    :param client: the backend that acted; or ``user``, where a user's token came to a backend's door.
    :param target: the ids that the act names.
    """
    who = {"client": client} if client else {"user": user}
    log.info("audit", act=act, target=target[:TARGET_CHARACTERS], outcome=outcome, tenant=tenant, **who)
