"""`operator`: people are added and removed at a terminal, by one of them where there are any, and then sign in."""

import os

import pytest

from bridge.bus.controls.approvals import Approval, ask_approval, give_approval
from bridge.bus.controls.kill_switch import set_halt
from bridge.bus.identity.operators import operator_names
from bridge.bus.identity.sign_ins import sign_ins
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from tests.stacks.operator_commands import led, level, typed
from tests.stacks.terminal import terminal

GOOD, OTHER = "correct horse battery", "staple of the second one"
LIVE = Keys("live")
WANTED = Approval("key-1", "digest", "claude", "BUY 1 SPY")


async def entered(redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, words: list[str], *lines: str) -> int:
    """Type a command, and the lines that it asks for, at a terminal."""
    with terminal(monkeypatch) as person:
        person.type(*lines)
        return await typed(redis, *words)


async def names(redis: EmbeddedRedis) -> list[str]:
    async with CommandPipeline(redis.url) as pipe:
        return await operator_names(pipe, LIVE)


async def test_the_first_operator_needs_nobody_and_the_next_needs_the_first(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    first = await entered(own_redis, monkeypatch, ["operator", "add", "anna"], GOOD, GOOD)
    stranger = await entered(
        own_redis, monkeypatch, ["operator", "add", "bert"], "not the passphrase", "", OTHER, OTHER
    )
    assert await names(own_redis) == ["anna"]
    second = await entered(own_redis, monkeypatch, ["operator", "add", "bert"], GOOD, "", OTHER, OTHER)
    again = await entered(own_redis, monkeypatch, ["operator", "add", "anna"], "bert", OTHER, "", OTHER, OTHER)

    assert (first, stranger, second, again) == (0, 1, 0, 1)
    assert await names(own_redis) == ["anna", "bert"]
    said = capsys.readouterr().err
    assert "is wrong; nothing was changed" in said
    assert "there is an operator anna already" in said


async def test_a_passphrase_that_is_weak_or_not_repeated_adds_nobody(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    weak = await entered(own_redis, monkeypatch, ["operator", "add", "anna"], "short")
    differ = await entered(own_redis, monkeypatch, ["operator", "add", "anna"], GOOD, OTHER)
    wrong_code = await entered(own_redis, monkeypatch, ["operator", "add", "anna", "--totp"], GOOD, GOOD, "000000x")

    assert (weak, differ, wrong_code) == (1, 1, 1)
    assert await names(own_redis) == []
    said = capsys.readouterr().err
    assert "at least 12 characters" in said
    assert "the two passphrases differ" in said
    assert "that is not the code" in said


async def test_without_a_terminal_or_a_name_nothing_is_changed(
    own_redis: EmbeddedRedis, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")

    assert await typed(own_redis, "operator", "add", "anna") == 1
    assert await typed(own_redis, "operator", "add") == 1
    with pytest.raises(SystemExit):
        await typed(own_redis, "operator", "add", "anna b")
    said = capsys.readouterr().err
    assert "add of an operator needs a terminal" in said
    assert "add needs the operator's name" in said
    assert "1-32 of a-z" in said


async def test_approve_and_resume_ask_for_the_passphrase_once_there_is_an_operator(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    await entered(own_redis, monkeypatch, ["operator", "add", "anna"], GOOD, GOOD)
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, LIVE, WANTED)
        stranger = await entered(own_redis, monkeypatch, ["approve", "key-1"], "key-1", "not the passphrase", "")
        waits = await ask_approval(pipe, LIVE, WANTED)
        anna = await entered(own_redis, monkeypatch, ["approve", "key-1"], "key-1", GOOD, "")
        approved = await ask_approval(pipe, LIVE, WANTED)
        await set_halt(pipe, LIVE, "halt", "anna", "odd fills")
        kept = await entered(own_redis, monkeypatch, ["resume"], "live", "not the passphrase", "")
        level_kept = await level(own_redis, "live")
        released = await entered(own_redis, monkeypatch, ["resume"], "live", GOOD, "")

    assert (stranger, waits, anna, approved) == (1, "", 0, "operator anna")
    assert (kept, level_kept, released, await level(own_redis, "live")) == (1, "halt", 0, None)
    said = capsys.readouterr().err
    assert "is wrong; nothing was approved" in said
    assert "is wrong; nothing was released" in said


async def test_sign_out_voids_what_was_approved_and_not_used(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    await entered(own_redis, monkeypatch, ["operator", "add", "anna"], GOOD, GOOD)
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, LIVE, WANTED)
        await entered(own_redis, monkeypatch, ["approve", "key-1"], "key-1", GOOD, "")
        await typed(own_redis, "operator", "list")
        assert await typed(own_redis, "operator", "sign-out", "anna") == 0

        assert await ask_approval(pipe, LIVE, WANTED) == ""
        assert await sign_ins(pipe, LIVE) == {}
        with pytest.raises(PermissionError):
            await give_approval(pipe, LIVE, "key-1", "digest", "operator anna")
    said = capsys.readouterr().out
    assert "anna  1 sign-ins" in said
    assert "live: 1 operators" in said
    assert "1 sign-ins of anna ended" in said


async def test_a_link_is_made_by_its_own_operator_alone(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    await entered(own_redis, monkeypatch, ["operator", "add", "anna"], GOOD, GOOD)
    await entered(own_redis, monkeypatch, ["operator", "add", "bert"], "anna", GOOD, "", OTHER, OTHER)
    with terminal(monkeypatch) as person:
        person.type(GOOD, "")
        words = ("operator", "link", "anna", "--console", "https://console.example.org")
        made = await typed(own_redis, *words)
        shown = person.shown("/link#")
    bert = await entered(own_redis, monkeypatch, ["operator", "link", "anna"], OTHER, "")

    assert (made, bert) == (0, 1)
    assert "signs anna in once, within 10 minutes:" in shown
    assert "https://console.example.org/link#" in shown
    assert "is wrong; nothing was changed" in capsys.readouterr().err


async def test_an_operator_is_removed_by_one_of_them(own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    await led(own_redis, "live")
    await entered(own_redis, monkeypatch, ["operator", "add", "anna"], GOOD, GOOD)
    stranger = await entered(own_redis, monkeypatch, ["operator", "remove", "anna"], "not the passphrase", "")
    assert await names(own_redis) == ["anna"]
    unknown = await entered(own_redis, monkeypatch, ["operator", "remove", "bert"], GOOD, "")
    removed = await entered(own_redis, monkeypatch, ["operator", "remove", "anna"], GOOD, "")

    assert (stranger, unknown, removed, await names(own_redis)) == (1, 1, 0, [])


async def test_a_terminal_that_is_closed_at_the_passphrase_approves_nothing(
    own_redis: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await led(own_redis, "live")
    await entered(own_redis, monkeypatch, ["operator", "add", "anna"], GOOD, GOOD)
    async with CommandPipeline(own_redis.url) as pipe:
        await ask_approval(pipe, LIVE, WANTED)
        with terminal(monkeypatch) as person:
            person.type("key-1")
            os.write(person.fd, b"\x04")  # Ctrl-D
            status = await typed(own_redis, "approve", "key-1")

        assert (status, await ask_approval(pipe, LIVE, WANTED)) == (1, "")
    assert "nothing was typed, so nothing was done" in capsys.readouterr().err
