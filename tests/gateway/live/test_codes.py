from gateway.live.codes import CloseCode


def test_the_range_says_whether_to_come_back() -> None:
    stays_away = {code.name for code in CloseCode if code >= 4500}
    assert stays_away == {"BAD_TOKEN", "BAD_FRAME", "TOO_BIG", "KICKED", "TOO_MANY_CONNECTIONS"}


def test_every_code_has_a_meaning_and_is_of_the_application_range() -> None:
    assert all(code.meaning and 4000 <= code < 5000 for code in CloseCode)
