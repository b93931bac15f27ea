"""A request from the gate to its end: whose it is, for its limits and for the audit."""

from msgspec import Struct
from starlette.requests import Request

from gateway.http.limits import RequestLimits


class Visit(Struct):
    """What the gate found out: the ``client`` that asks, or the ``user`` who came to the wrong door, or neither.

    ``asker`` is who it counts for in ``limits``.
    """

    tenant: str = ""
    client: str = ""
    user: str = ""
    limits: RequestLimits | None = None
    asker: str = ""
    is_counted: bool = False

    def enter(self, limits: RequestLimits, asker: str) -> None:
        """Count the request until its ``end``. :raises RateLimited: one too many."""
        self.limits, self.asker = limits, asker
        limits.enter(asker)
        self.is_counted = True

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [] if self.limits is None else self.limits.headers(self.asker)

    def end(self) -> None:
        if self.limits is not None and self.is_counted:
            self.limits.leave(self.asker)


def visit_of(request: Request) -> Visit:
    """The visit of ``request``, which begins when it is first asked for."""
    visit: Visit | None = getattr(request.state, "visit", None)
    if visit is None:
        visit = request.state.visit = Visit()
    return visit
