"""Every error Bellwire raises on purpose.

::

    BellwireError                code                    temporary
    ├── Invalid                  invalid                 no     the fields that are wrong, each with what was expected
    ├── BadJson                  bad_json                no     the body is not JSON at all
    ├── TooLarge                 too_large               no     a limit on the size of something from outside
    ├── UnsupportedMediaType     unsupported_media_type  no     the body is of another kind
    ├── Unauthorized             unauthorized            no     no token, or one that does not verify
    │   ├── MissingToken         unauthorized            no     none came at all
    │   └── TokenExpired         token_expired           no     it verified, but its time is over
    ├── Forbidden                forbidden               no     the token lacks the scope
    ├── NotFound                 not_found               no     unknown, or somebody else's
    ├── IdempotencyConflict      idempotency_conflict    no     the key was used with another body
    ├── Conflict                 conflict                no     it is past the point where this can be done
    ├── StreamReset              stream_reset            no     the cursor's epoch or reach is gone: start over
    ├── RateLimited              rate_limited            yes    slow down
    ├── Unavailable              unavailable             yes    the store (or a key server) does not answer now
    └── ConfigError              config                  no     a setting is missing or unsafe: one line, exit 2
"""


class BellwireError(Exception):
    """The root. ``str(error)`` says what was expected, what came and what to do.

    ``code`` is stable and goes to clients; ``temporary`` says whether the same
    request may succeed later.
    """

    code = "internal"
    temporary = False


class FieldError:
    """One wrong field of a request: ``field`` is its path (``recipients[3]``), ``message`` what was expected."""

    __slots__ = ("field", "message")

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        self.message = message


class Invalid(BellwireError):
    """Well-formed, but not what the field takes."""

    code = "invalid"

    def __init__(self, *errors: FieldError) -> None:
        super().__init__("; ".join(f"{error.field}: {error.message}" for error in errors))
        self.errors = errors

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        return cls(FieldError(field, message))


class BadJson(BellwireError):
    code = "bad_json"


class TooLarge(BellwireError):
    code = "too_large"


class UnsupportedMediaType(BellwireError):
    code = "unsupported_media_type"


class Unauthorized(BellwireError):
    code = "unauthorized"


class MissingToken(Unauthorized):
    """Told apart because the answer should not speak of an error where nothing was tried (RFC 6750)."""


class TokenExpired(Unauthorized):
    code = "token_expired"


class Forbidden(BellwireError):
    """``scope`` is the one that the token lacks."""

    code = "forbidden"

    def __init__(self, scope: str) -> None:
        super().__init__(f"expected a token with the scope {scope}")
        self.scope = scope


class NotFound(BellwireError):
    code = "not_found"


class IdempotencyConflict(BellwireError):
    """The key is taken by another body; ``first`` is the id of the notification that took it."""

    code = "idempotency_conflict"

    def __init__(self, first: str) -> None:
        super().__init__(
            f"this idempotency key was used with another body for notification {first}: use a new key for a new body"
        )
        self.first = first


class Conflict(BellwireError):
    """The thing is there, but in a state that does not allow this: retrying will not help."""

    code = "conflict"


class StreamReset(BellwireError):
    code = "stream_reset"


class RateLimited(BellwireError):
    code = "rate_limited"
    temporary = True

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(BellwireError):
    code = "unavailable"
    temporary = True

    def __init__(self, message: str, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConfigError(BellwireError):
    code = "config"
