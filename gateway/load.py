"""How slow the store is, told by the calls to it that are in hand."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, cast

from gateway.settings import LIMITS, Limits
from inbox.store.base import Store
from inbox.store.outlet import Outlet
from inbox.times import monotonic_s


class StoreLoad:
    """The calls to a store in hand, the oldest first."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._began: OrderedDict[object, float] = OrderedDict()

    def is_slow(self) -> bool:
        """Whether ``shed_in_hand`` calls are in hand, the oldest for over ``shed_after_s``."""
        if len(self._began) < self._limits.shed_in_hand:
            return False
        return monotonic_s() - next(iter(self._began.values())) > self._limits.shed_after_s

    def timed(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run(*positional: Any, **named: Any) -> Any:
            ticket = object()
            self._began[ticket] = monotonic_s()
            try:
                return await call(*positional, **named)
            finally:
                del self._began[ticket]

        return run


class _Watched:
    """Has every method of ``store``, timed."""

    def __init__(self, store: Store, load: StoreLoad) -> None:
        self._store = store
        self._load = load

    @property
    def outlet(self) -> Outlet:
        return self._store.outlet

    @outlet.setter
    def outlet(self, outlet: Outlet) -> None:
        self._store.outlet = outlet

    def __getattr__(self, name: str) -> Any:
        timed = self._load.timed(getattr(self._store, name))
        setattr(self, name, timed)
        return timed


def watched(store: Store, load: StoreLoad) -> Store:
    """``store``, its calls counted in ``load`` while they last."""
    return cast("Store", _Watched(store, load))
