"""Which URLs may stand in a notification."""

import re
from urllib.parse import urlsplit

URL_RULE = "expected an http, https or mailto URL, or one relative to the application's host"

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)


def is_safe_url(url: str) -> bool:
    """Whether ``url`` leads to the web, to a mail address, or within the application, in every browser's reading.

    Browsers drop tabs and line ends inside a scheme, read ``\\`` as ``/``, and take ``//host`` as another host: what
    holds such characters, or any that cannot be seen, is refused before its scheme is looked at.
    """
    if not url or not url.isprintable() or " " in url or "\\" in url:
        return False
    scheme = _SCHEME.match(url)
    if scheme is None:
        return not url.startswith("//") and ":" not in url.partition("/")[0]
    match scheme[1].lower():
        case "http" | "https":
            return url[scheme.end() :].startswith("//") and _has_host(url)
        case "mailto":
            return len(url) > scheme.end()
    return False


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False
