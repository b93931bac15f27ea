"""Backend clients and their secrets."""

from hashlib import sha256

import pytest
from msgspec.structs import replace

from gateway.auth.clients import new_client, proves, revoked, rotated
from inbox.errors import Conflict, Invalid
from inbox.times import now_ms

CLIENT, SECRET_SHOWN = new_client("acme", "shop", ["notifications:write", "users"])


def test_a_secret_is_256_random_bits_of_which_only_the_hash_is_kept() -> None:
    _, other = new_client("acme", "shop", ["users"])

    assert len(SECRET_SHOWN) >= 43
    assert other != SECRET_SHOWN
    assert sha256(SECRET_SHOWN.encode()).digest() == CLIENT.secrets[0].hash
    assert SECRET_SHOWN not in repr(CLIENT)


@pytest.mark.parametrize(
    ("tenant", "name", "scopes", "field"),
    [
        ("a/b", "shop", ["users"], "tenant"),
        ("acme", "", ["users"], "name"),
        ("acme", "shop", [], "scope"),
        ("acme", "shop", ["everything"], "scope"),
    ],
)
def test_a_client_that_does_not_fit_is_refused(tenant: str, name: str, scopes: list[str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        new_client(tenant, name, scopes)
    assert [error.field for error in refused.value.errors] == [field]


def test_the_right_secret_proves_who_asks() -> None:
    assert proves(CLIENT, SECRET_SHOWN)


@pytest.mark.parametrize("secret", ["", "x", SECRET_SHOWN + "x", SECRET_SHOWN.upper(), "é"], ids=range(5))
def test_another_secret_does_not(secret: str) -> None:
    assert not proves(CLIENT, secret)


def test_nothing_proves_an_unknown_client_not_even_the_secret_of_another() -> None:
    assert not proves(None, SECRET_SHOWN)


def test_a_new_secret_is_good_at_once_and_the_old_one_until_its_grace_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    both, new = rotated(CLIENT, grace_s=60)

    assert (proves(both, new), proves(both, SECRET_SHOWN)) == (True, True)
    later(monkeypatch, 61)
    assert (proves(both, new), proves(both, SECRET_SHOWN)) == (True, False)


def test_without_grace_the_old_secret_ends_with_the_rotation() -> None:
    changed, new = rotated(CLIENT, grace_s=0)

    assert (proves(changed, new), proves(changed, SECRET_SHOWN)) == (True, False)


def test_two_secrets_live_at_most() -> None:
    once, second = rotated(CLIENT, grace_s=60)
    twice, third = rotated(once, grace_s=60)

    assert [proves(twice, secret) for secret in (SECRET_SHOWN, second, third)] == [False, True, True]


def test_another_rotation_does_not_lengthen_the_life_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    client = replace(CLIENT, secrets=(replace(CLIENT.secrets[0], expires_at=now_ms() + 1_000),))
    changed, _ = rotated(client, grace_s=60)
    later(monkeypatch, 2)

    assert not proves(changed, SECRET_SHOWN)


def test_a_revoked_client_proves_nothing_any_more_and_cannot_be_rotated() -> None:
    ended = revoked(CLIENT)

    assert not proves(ended, SECRET_SHOWN)
    with pytest.raises(Conflict):
        rotated(ended, grace_s=60)


def test_revoking_again_changes_nothing() -> None:
    assert revoked(revoked(CLIENT)) == revoked(CLIENT)


def test_the_same_work_is_done_for_no_client_one_secret_or_two(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, hash: bytes) -> bool:
        compared.append(hash)
        return False

    monkeypatch.setattr("gateway.auth.clients.compare_digest", compare)
    for client in (None, CLIENT, rotated(CLIENT, grace_s=60)[0], revoked(CLIENT)):
        compared.clear()
        proves(client, SECRET_SHOWN)
        assert len(compared) == 2


def later(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    at = now_ms() + seconds * 1_000
    monkeypatch.setattr("gateway.auth.clients.now_ms", lambda: at)
