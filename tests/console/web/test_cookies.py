"""A form's token belongs to one sign-in."""

from console.web.cookies import form_token, is_form_token


def test_a_form_token_is_of_its_sign_in_alone() -> None:
    assert is_form_token("token-a", form_token("token-a"))
    assert not is_form_token("token-b", form_token("token-a"))
    assert "token-a" not in form_token("token-a")


def test_nothing_is_no_form_token() -> None:
    for given in (None, "", "é", form_token(""), 7):
        assert not is_form_token("", given)
        assert not is_form_token("token-a", given)
