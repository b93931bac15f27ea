"""What can go wrong, as one tree. ``str(error)`` says what happened and what to do.

::

    BellwireError                   any other answer, or no Bellwire at all
    ├── Invalid                     ``errors`` names the fields; nothing was done
    ├── TooLarge                    the request is larger than the server takes
    ├── Unauthorized                wrong or revoked credentials, or a token that has ended
    ├── Forbidden                   the client lacks a scope
    ├── NotFound                    unknown, or another tenant's
    ├── Conflict                    it is past the point where this can be done
    │   └── IdempotencyConflict     the key was used with another body; ``first`` is what it made
    ├── RateLimited        temporary  after ``retry_after_s`` seconds there is room again
    └── Unavailable        temporary  the service cannot answer now
        └── Unreachable    temporary  no answer came
"""

from msgspec import Struct


class FieldError(Struct, frozen=True):
    """One wrong field: its path (``recipients[3]``) and what was expected."""

    field: str = ""
    message: str = ""


class Problem(Struct, frozen=True):
    """An RFC 9457 document, or an error of RFC 6749, as the server writes them. What is missing is empty."""

    code: str = ""
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    id: str = ""
    error: str = ""
    error_description: str = ""


class BellwireError(Exception):
    """The root.

    ``detail`` is what the server said, ``code`` its stable word for it (empty where no server of ours spoke) and
    ``status`` the HTTP status. ``temporary``: the same request may succeed later; it was tried as often as allowed.
    ``maybe_done``: the request may have been carried out although its answer is missing.
    """

    temporary = False
    maybe_done = False
    advice = ""

    def __init__(self, detail: str, *, code: str = "", status: int = 0, retry_after_s: float = 0.0) -> None:
        super().__init__(f"{detail} ({self.advice})" if self.advice else detail)
        self.detail = detail
        self.code = code
        self.status = status
        self.retry_after_s = retry_after_s


class Invalid(BellwireError):
    """The server understood and refuses; ``errors`` says which fields, where it can."""

    errors: tuple[FieldError, ...] = ()


class TooLarge(BellwireError):
    advice = "send less at once"


class Unauthorized(BellwireError):
    advice = "check the client's id and secret, and that it was not revoked"


class Forbidden(BellwireError):
    advice = "create a client that has the scope"


class NotFound(BellwireError):
    advice = "check the id, and that it belongs to this client's tenant"


class Conflict(BellwireError):
    """The thing is there, but in a state that does not allow this."""


class IdempotencyConflict(Conflict):
    """``first`` is the id of the notification that took the key with another body."""

    first = ""


class RateLimited(BellwireError):
    temporary = True
    advice = "slow down, or ask the operator for a higher rate"


class Unavailable(BellwireError):
    temporary = True
    advice = "try again later"


class Unreachable(Unavailable):
    """No answer, or only a part of it."""

    advice = "check the URL and the network; is the server running?"
