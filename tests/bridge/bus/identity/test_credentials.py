"""Passphrases are kept as hashes that say how they were made, and a one-time code is right for a minute and a half."""

import pyotp
import pytest

from bridge.bus.identity.credentials import (
    LONGEST,
    STEP_S,
    hashed,
    matches,
    new_totp_secret,
    totp_step,
    totp_uri,
    weakness,
)

GOOD = "correct horse battery"
NOW = 1_790_000_000.0
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def test_a_passphrase_is_kept_as_an_argon2id_hash_with_a_salt() -> None:
    kept, again = hashed(GOOD), hashed(GOOD)

    assert kept.startswith("$argon2id$")
    assert kept != again
    assert GOOD not in kept
    assert matches(kept, GOOD)
    assert matches(again, GOOD)


@pytest.mark.parametrize(
    "wrong", ["", "correct horse batter", "Correct horse battery", GOOD + " ", "x" * (LONGEST + 1)]
)
def test_another_passphrase_does_not_match(wrong: str) -> None:
    assert not matches(hashed(GOOD), wrong)


def test_a_hash_that_can_not_be_read_matches_nothing() -> None:
    for damaged in ("", "junk", "$argon2id$v=19$m=65536", hashed(GOOD)[:-4] + "????"):
        assert not matches(damaged, GOOD)


def test_an_accented_letter_is_the_same_however_a_keyboard_writes_it() -> None:
    assert matches(hashed("caf\u00e9 au lait, s'il vous"), "cafe\u0301 au lait, s'il vous")


@pytest.mark.parametrize(
    ("passphrase", "said"),
    [
        (GOOD, ""),
        ("short", "at least 12 characters; this one has 5"),
        ("aaaaaaaaaaaaaaaa", "at least 6 different characters"),
        ("ab" * 600, "at most 1024 characters; this one has 1200"),
    ],
)
def test_a_weak_passphrase_is_told_its_weakness(passphrase: str, said: str) -> None:
    assert said in weakness(passphrase)
    assert bool(weakness(passphrase)) is bool(said)


@pytest.mark.parametrize(("late", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_is_right_within_a_step_of_its_time(late: int, right: bool) -> None:
    code = pyotp.TOTP(SECRET).at(NOW)

    step = totp_step(SECRET, code, NOW + late * STEP_S)

    assert step == (int(NOW // STEP_S) if right else None)


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "१२३४५६"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert totp_step(SECRET, code, NOW) is None


def test_a_code_may_be_typed_as_apps_show_it() -> None:
    code = pyotp.TOTP(SECRET).at(NOW)

    assert totp_step(SECRET, f"{code[:3]} {code[3:]}", NOW) is not None


def test_an_authenticator_gets_the_secret_the_name_and_the_issuer() -> None:
    secret = new_totp_secret()
    uri = pyotp.parse_uri(totp_uri(secret, "anna"))

    assert (uri.secret, uri.name, uri.issuer) == (secret, "anna", "ibkr-tws-mcp")
    assert new_totp_secret() != secret
