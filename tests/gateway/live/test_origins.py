import pytest

from gateway.live.origins import Origins
from inbox.errors import ConfigError

LIST = "https://app.example, http://localhost:3000"


@pytest.mark.parametrize(
    ("allowed", "origin", "host", "admitted"),
    [
        (None, None, "gw.example", True),
        (None, "https://gw.example", "gw.example", True),
        (None, "https://GW.example", "gw.EXAMPLE", True),
        (None, "http://gw.example:8080", "gw.example:8080", True),
        (None, "http://[::1]:8080", "[::1]:8080", True),
        (None, "https://gw.example:8443", "gw.example", False),
        (None, "https://other.example", "gw.example", False),
        (None, "https://gw.example.evil.example", "gw.example", False),
        (None, "https://gw.example@evil.example", "gw.example", False),
        (None, "null", "gw.example", False),
        (None, "https://gw.example", "", False),
        (LIST, None, "gw.example", True),
        (LIST, "https://app.example", "gw.example", True),
        (LIST, "https://app.example:443", "gw.example", True),
        (LIST, "http://app.example", "gw.example", False),
        (LIST, "https://app.example:444", "gw.example", False),
        (LIST, "http://localhost:3000", "gw.example", True),
        (LIST, "https://gw.example", "gw.example", False),
        (LIST, "https://app.example, https://app.example", "gw.example", False),
        (LIST, "https://app.example:x", "gw.example", False),
        ("*", "null", "gw.example", True),
        ("", "https://gw.example", "gw.example", False),
    ],
)
def test_only_the_right_pages_are_admitted(allowed: str | None, origin: str | None, host: str, admitted: bool) -> None:
    assert Origins(allowed).admit(origin, host) is admitted


@pytest.mark.parametrize("allowed", ["app.example", "https://app.example/", "ftp://app.example", "*,x"])
def test_a_setting_that_is_not_a_list_of_origins_is_refused(allowed: str) -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_ALLOWED_ORIGINS"):
        Origins(allowed)
