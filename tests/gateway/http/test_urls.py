"""Which URLs a notification may carry."""

import pytest

from gateway.http.urls import is_safe_url

SAFE = [
    "https://example.com",
    "HTTPS://example.com/a?b=c#d",
    "http://localhost:8080/x",
    "http://[::1]/x",
    "mailto:alice@example.com",
    "/orders/7",
    "orders/7?tab=a:b",
    "?tab=1",
    "#top",
    "./x",
    "/größe",
]

UNSAFE = [
    "",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "\u00a0javascript:alert(1)",
    "\ufeffjavascript:alert(1)",
    "\u200bjavascript:alert(1)",
    "javascript&colon;alert(1):",
    "vbscript:x",
    "data:text/html,x",
    "file:///etc/passwd",
    "blob:x",
    "ftp://example.com",
    "tel:112",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:\\\\evil.example",
    "http:evil.example",
    "http://",
    "http:///x",
    "http://[::1",
    "mailto:",
    "/a b",
    "/a\u2028b",
    "/a\u202eb",
    "1:x",
    ":x",
    "%6aavascript:alert(1)",
]


@pytest.mark.parametrize("url", SAFE)
def test_a_url_to_the_web_to_mail_or_within_the_application_is_safe(url: str) -> None:
    assert is_safe_url(url)


@pytest.mark.parametrize("url", UNSAFE)
def test_a_url_that_some_browser_reads_otherwise_is_not(url: str) -> None:
    assert not is_safe_url(url)
