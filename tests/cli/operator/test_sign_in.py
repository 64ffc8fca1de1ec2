"""An operator's words at a terminal: right ones sign in for one command, wrong ones do nothing, and none are shown."""

import pyotp
import pytest

from bridge.bus.identity.credentials import hashed, new_totp_secret
from bridge.bus.identity.operators import Operator, add_operator, find_operator, passphrase_holders
from bridge.bus.identity.sign_ins import sign_ins
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.operator.sign_in import WRONG, Typed, signed_in, typed
from tests.stacks.bus import pipe_to
from tests.stacks.terminal import terminal

GOOD = "correct horse battery"
HASH = hashed(GOOD)


async def added(pipe: CommandPipeline, keys: Keys, totp: str = "") -> None:
    await add_operator(pipe, keys, Operator("anna", HASH, totp))


async def test_without_operators_nobody_is_asked_and_the_machines_user_acts(redis_url: str, session: str) -> None:
    assert typed([]) is None
    async with pipe_to(redis_url) as pipe:
        who = await signed_in(pipe, Keys(session), None)

    assert who.by.startswith("operator ")
    assert who.sign_in == ""


async def test_the_right_passphrase_signs_in(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await added(pipe, keys)
        who = await signed_in(pipe, keys, Typed("anna", GOOD, ""))

        assert who.by == "operator anna"
        assert list(await sign_ins(pipe, keys)) == [who.sign_in]


@pytest.mark.parametrize("words", [Typed("anna", "wrong horse battery", ""), Typed("bert", GOOD, "")])
async def test_wrong_words_are_refused_and_do_not_say_which_is_wrong(
    redis_url: str, session: str, words: Typed
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await added(pipe, keys)
        for _ in range(5):
            with pytest.raises(PermissionError, match=WRONG):
                await signed_in(pipe, keys, words)
        right = await signed_in(pipe, keys, Typed("anna", GOOD, ""))  # nobody is locked out of the command line

    assert right.by == "operator anna"


async def test_a_one_time_code_is_needed_where_one_is_set_and_is_good_once(redis_url: str, session: str) -> None:
    keys, secret = Keys(session), new_totp_secret()
    async with pipe_to(redis_url) as pipe:
        await added(pipe, keys, secret)
        code = pyotp.TOTP(secret).now()
        for wrong in ("", f"{(int(code) + 1) % 1_000_000:06}"):
            with pytest.raises(PermissionError):
                await signed_in(pipe, keys, Typed("anna", GOOD, wrong))
        with pytest.raises(PermissionError):
            await signed_in(pipe, keys, Typed("anna", "wrong horse battery", code))  # uses up no code
        who = await signed_in(pipe, keys, Typed("anna", GOOD, code))
        with pytest.raises(PermissionError):
            await signed_in(pipe, keys, Typed("anna", GOOD, code))
        kept = await find_operator(pipe, keys, "anna")

    assert who.by == "operator anna"
    assert kept is not None
    assert kept.totp_step > 0


async def test_an_operator_who_was_added_since_the_question_is_asked_for(redis_url: str, session: str) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await added(pipe, keys)
        with pytest.raises(PermissionError, match="run the command again"):
            await signed_in(pipe, keys, None)


async def test_the_demos_operator_has_no_passphrase_and_is_signed_in_at_the_command_line(
    redis_url: str, session: str
) -> None:
    keys = Keys(session)
    async with pipe_to(redis_url) as pipe:
        await add_operator(pipe, keys, Operator("demo", ""))
        asked = await passphrase_holders(pipe, keys)
        who = await signed_in(pipe, keys, typed(asked))
        for words in ("", "nobody's passphrase"):  # the latter is what an unknown name's is compared with
            with pytest.raises(PermissionError, match=WRONG):
                await signed_in(pipe, keys, Typed("demo", words, ""))

        assert (asked, who.by, list(await sign_ins(pipe, keys))) == ([], "operator demo", [who.sign_in])


def test_what_is_typed_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as person:
        person.type("Anna")
        asked = person.shown("Anna\r\n")
        person.type(GOOD, "123456")
        words = typed(["anna", "bert"])
        shown = asked + person.shown("(Enter for none): ")

    assert words == Typed("anna", GOOD, "123456")
    assert "Operator (anna, bert): " in shown
    assert GOOD not in repr(words)
