"""What an operator may set: everything that does not fit is one error that names the variable."""

import pytest

from gateway.settings import load
from inbox.errors import ConfigError

NUMBERS = {
    "PORT": ["-1", "65536"],
    "LOG_KEEP_ENTRIES": ["0", "1" + "0" * 400],
    "LOG_KEEP_S": ["299", "1e30"],
    "ITEM_KEEP_S": ["0", "1e30"],
    "SESSIONS_PER_ADDRESS": ["0", "1" + "0" * 400],
    "DRAIN_S": ["-1", "601"],
    "CLIENT_REQUESTS_PER_S": ["0", "-1", "1e-320", "1e30"],
    "CLIENT_REQUESTS_BURST": ["0", "1" + "0" * 400],
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in NUMBERS.items() for value in [*values, "nan", "inf", "-inf", "many"]],
)
def test_a_number_that_cannot_be_worked_with_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"BELLWIRE_{name}\\b"):
        load({f"BELLWIRE_{name}": value})


@pytest.mark.parametrize("name", ["REDIS_URL", "MONGO_URL", "USER_JWKS_URL"])
@pytest.mark.parametrize("url", ["localhost", "ftp://localhost", "{}://[::1", "{}://a\u2100b"])
def test_what_is_no_url_of_its_kind_is_refused_by_its_name(name: str, url: str) -> None:
    scheme = {"REDIS_URL": "redis", "MONGO_URL": "mongodb", "USER_JWKS_URL": "https"}[name]
    with pytest.raises(ConfigError, match=f"BELLWIRE_{name}\\b"):
        load({f"BELLWIRE_{name}": url.format(scheme)})


def test_a_tenant_whose_name_is_none_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match="BELLWIRE_TENANT: expected 1-128 printable ASCII"):
        load({"BELLWIRE_TENANT": "a/b"})


def test_a_test_may_keep_the_log_for_a_second() -> None:
    assert load({"BELLWIRE_TEST": "1", "BELLWIRE_LOG_KEEP_S": "1"}).log_keep_s == 1.0
