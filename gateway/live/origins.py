"""Which web pages may open a WebSocket: browsers do not ask before, so the server must look. Pure."""

from urllib.parse import urlsplit

from inbox.errors import ConfigError

_PORTS = {"http": 80, "https": 443}

Place = tuple[str, str, int]


class Origins:
    """The pages allowed by ``BELLWIRE_ALLOWED_ORIGINS``.

    :param allowed: a comma-separated list of origins, ``*`` for all, ``None`` for pages of the same host.
    :raises ConfigError: an element is not an origin.
    """

    def __init__(self, allowed: str | None) -> None:
        self._any = allowed is not None and allowed.strip() == "*"
        self._places: frozenset[Place] | None = None
        if allowed is not None and not self._any:
            self._places = frozenset(_configured(one.strip()) for one in allowed.split(",") if one.strip())

    def admit(self, origin: str | None, host: str) -> bool:
        """Whether a page of ``origin`` may connect to us as ``host`` (the header). Only browsers send an origin."""
        if origin is None or self._any:
            return True
        place = _place(origin)
        if place is None:
            return False
        if self._places is not None:
            return place in self._places
        # The scheme in front of a proxy is not known here, so the page's own stands in.
        return _place(f"{place[0]}://{host}") == place


def _configured(origin: str) -> Place:
    place = _place(origin)
    if place is None:
        raise ConfigError(f"BELLWIRE_ALLOWED_ORIGINS: expected * or http(s)://host[:port], got {origin[:100]}")
    return place


def _place(origin: str) -> Place | None:
    """Scheme, host and port of ``origin``, if it has nothing else."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or origin.lower() != f"{parts.scheme}://{parts.netloc}".lower():
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]
