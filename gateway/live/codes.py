"""Why the server ends a connection: the one table of close codes. Documents and SDKs are checked against it."""

from enum import IntEnum


class CloseCode(IntEnum):
    """4000-4499: come back. 4500-4999: do not, the same would happen again. RFC 6455's own codes go beside these."""

    meaning: str

    DRAIN = 4001, "the server is going away: come back after the pause that `bye` named"
    SLOW = 4002, "the client did not read for too long (an abort: the code arrives only by luck)"
    TOKEN_EXPIRED = 4003, "the token's time is over: come back with a new one"
    STREAM_RESET = 4004, "the stream was started over or the log no longer reaches back: come back without a cursor"
    HEARTBEAT_LOST = 4005, "no answer to a ping (an abort: the code arrives only by luck)"
    HELLO_TIMEOUT = 4006, "no hello came in time"
    RATE_LIMIT = 4007, "too many messages, pings or fragments"
    CANNOT_VERIFY = 4008, "tokens cannot be verified or the inbox cannot be read now, or too many arrive: pause"
    BAD_TOKEN = 4500, "the token does not verify, or is another user's"
    BAD_FRAME = 4501, "not a message of this protocol, or not in its place"
    TOO_BIG = 4502, "a message above the limit"
    KICKED = 4503, "the session was ended by the backend"
    TOO_MANY_CONNECTIONS = 4504, "the user opened too many connections: this one was the oldest"

    def __new__(cls, code: int, meaning: str) -> "CloseCode":
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member
