"""Masks: the same for the same, of the same length and class, and never what they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibgateway.recorder.transcript.masking import Masks
from ibgateway.simulator.wire.encoding.text import clean

KEY = b"0123456789abcdef"
SECRETS = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=4, max_size=30)


def character_class(character: str) -> str:
    if not character.isascii():
        return "letter"
    if character.isdigit():
        return "digit"
    if character.isalpha():
        return "upper" if character.isupper() else "lower"
    return character


@given(SECRETS)
def test_a_mask_is_as_long_as_its_secret_and_is_not_the_secret(secret: str) -> None:
    mask = Masks(KEY).mask(secret)

    assert len(mask) == len(secret)
    assert mask != secret
    assert mask.isascii()


@given(st.text("abcdefgXYZ0123456789-_. ", min_size=6, max_size=20).filter(lambda text: any(map(str.isalpha, text))))
def test_a_mask_keeps_digits_letters_and_punctuation_in_their_places(secret: str) -> None:
    mask = Masks(KEY).mask(secret)

    assert [character_class(each) for each in mask] == [character_class(each) for each in secret]


@given(st.lists(SECRETS, unique=True, max_size=30))
def test_different_secrets_have_different_masks_and_the_same_one_always_the_same(secrets: list[str]) -> None:
    masks = Masks(KEY)

    first = [masks.mask(secret) for secret in secrets]

    assert len(set(first)) == len(secrets)
    assert [masks.mask(secret) for secret in secrets] == first


@given(SECRETS.filter(lambda text: "\\" not in text))
def test_a_secret_is_the_same_as_clients_and_as_gateways_spell_it(secret: str) -> None:
    masks = Masks(KEY)

    assert masks.mask(clean(secret)) == masks.mask(secret)


def test_another_key_gives_other_masks() -> None:
    assert Masks(KEY).mask("DU1234567") != Masks(KEY[::-1]).mask("DU1234567")


@pytest.mark.parametrize("account", ["DU1234567", "U7654321", "DF123456", "DUH123456", "I1234567"])
def test_an_accounts_letters_stay_for_they_tell_paper_from_live(account: str) -> None:
    mask = Masks(KEY).mask(account)

    assert mask.rstrip("0123456789") == account.rstrip("0123456789")
    assert len(mask) == len(account)


def test_an_advisors_account_of_all_accounts_is_its_own_and_a_letter() -> None:
    masks = Masks(KEY)

    assert masks.mask("DF1234567A") == masks.mask("DF1234567") + "A"


@given(st.integers(1000, 2**63 - 2))
def test_a_number_stays_a_number_that_fits_where_it_fitted(number: int) -> None:
    mask = Masks(KEY).mask(str(number))

    assert len(mask) == len(str(number))
    assert mask == str(int(mask))
    assert int(mask) < 2**63 - 1
    assert number >= 2**31 - 1 or int(mask) < 2**31 - 1


def test_hexadecimal_digits_stay_hexadecimal() -> None:
    assert set(Masks(KEY).mask("0000e0d5.69dd7411")) <= set("0123456789abcdef.")


def test_short_secrets_have_different_masks_too() -> None:
    letters = "abcdefghijklmnop"
    masks = Masks(KEY)

    given_masks = [masks.mask(letter) for letter in letters]

    assert len(set(given_masks)) == len(letters)
    assert not any(mask == letter for mask, letter in zip(given_masks, letters, strict=True))


def test_one_letter_has_a_mask_even_when_all_letters_are_taken() -> None:
    masks = Masks(KEY)

    assert all(len(masks.mask(letter)) == 1 for letter in "abcdefghijklmnopqrstuvwxyz")
