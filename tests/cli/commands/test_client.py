"""`python -m cli client`: what it writes is what a front reads."""

import argparse
import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bridge.bus.identity.client_file import read_clients as read_tokens
from bridge.bus.identity.rights import Rights
from cli.commands.client import add_arguments, run


def client(file: Path, *arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(["--file", str(file), *arguments]))


def test_a_new_token_is_shown_once_and_kept_as_its_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "secrets" / "tokens.json"

    client(file, "add", "laptop", "--scopes", "read,trade")
    token = capsys.readouterr().out.split()[-1]

    (known,) = read_tokens(file)
    assert known.name == "laptop"
    assert known.scopes == {"read", "trade"}
    assert known.sha256 == hashlib.sha256(token.encode()).hexdigest()
    assert token not in file.read_text(encoding="utf-8")
    assert len(token) >= 43  # 256 bits


def test_a_client_may_only_read_unless_told_otherwise(tmp_path: Path) -> None:
    client(tmp_path / "tokens.json", "add", "phone")

    assert read_tokens(tmp_path / "tokens.json")[0].scopes == {"read"}


def test_further_rights_are_kept_and_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tokens.json"

    client(file, "add", "old")
    named = ("--accounts", "DU1, DU2", "--symbols", "SPY,BRK B", "--toolsets", "orders,account")
    client(
        file, "add", "bot", "--scopes", "read,trade", *named, "--max-order-value", "5000", "--max-orders-per-day", "20"
    )
    capsys.readouterr()
    client(file, "list")

    old, bot = read_tokens(file)
    assert old.client().rights == Rights(frozenset({"read"}))
    assert bot.accounts == {"DU1", "DU2"}
    assert (bot.max_order_value, bot.max_orders_per_day, bot.max_position_value) == (5000.0, 20, None)
    listed = capsys.readouterr().out.splitlines()
    assert listed[0].split() == ["old", "read"]
    assert "read, trade; accounts DU1, DU2; symbols BRK B, SPY; toolsets account, orders" in listed[1]
    assert "max_order_value 5000; max_orders_per_day 20" in listed[1]


@pytest.mark.parametrize("wrong", [("--max-order-value", "-1"), ("--max-orders-per-day", "1.5"), ("--accounts", "D U")])
def test_rights_that_nobody_could_read_are_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, str]
) -> None:
    assert client(tmp_path / "tokens.json", "add", "bot", *wrong) == 1

    assert not (tmp_path / "tokens.json").exists()
    assert wrong[0].removeprefix("--").replace("-", "_") in capsys.readouterr().err


def test_a_removed_client_is_gone_from_the_same_file(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    client(file, "add", "laptop")
    client(file, "add", "phone")
    before = file.stat().st_ino

    client(file, "remove", "laptop")

    assert [each.name for each in read_tokens(file)] == ["phone"]
    assert file.stat().st_ino == before  # a container has this very file mounted


def test_a_name_is_given_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    client(tmp_path / "tokens.json", "add", "laptop")

    status = client(tmp_path / "tokens.json", "add", "laptop")

    assert status == 1
    assert "laptop exists already" in capsys.readouterr().err
    assert len(read_tokens(tmp_path / "tokens.json")) == 1


def test_of_many_added_at_once_each_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, names = tmp_path / "tokens.json", [f"desk{number}" for number in range(16)]
    with ThreadPoolExecutor(len(names)) as pool:
        statuses = list(pool.map(lambda name: client(file, "add", name), names))

    shown = re.findall(r"^  (\S{43})$", capsys.readouterr().out, re.MULTILINE)
    assert statuses == [0] * len(names)
    assert sorted(each.name for each in read_tokens(file)) == sorted(names)
    assert {each.sha256 for each in read_tokens(file)} == {hashlib.sha256(each.encode()).hexdigest() for each in shown}


def test_an_unknown_client_cannot_be_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = client(tmp_path / "tokens.json", "remove", "laptop")

    assert status == 1
    assert "no client is called laptop" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("add", "a b"), ("add", "a", "--scopes", "all"), ("add", "a", "--scopes", "")])
def test_a_name_or_scope_that_no_front_takes_is_refused(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        client(tmp_path / "tokens.json", *arguments)

    assert not (tmp_path / "tokens.json").exists()


@pytest.mark.parametrize(
    "held", ['{"a": 1}', '["a"]', '[{"name": "a"}]', '[{"name": 1, "sha256": "", "scopes": []}]', "["]
)
@pytest.mark.parametrize("action", [("list",), ("remove", "a"), ("first", "a")])
def test_a_file_that_holds_no_clients_is_an_error_and_stays_as_it_is(
    held: str, action: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(held)

    status = client(file, *action)

    assert status == 1
    assert capsys.readouterr().err.startswith("error: ")
    assert file.read_text() == held


def test_a_providers_subject_gets_an_entry_and_no_token(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "tokens.json"

    added = client(file, "add", "anna", "--subject", "auth0|1", "--accounts", "DU1")
    told = capsys.readouterr().out
    again = client(file, "add", "anna-too", "--subject", "auth0|1")
    other = client(file, "add", "anna-codex", "--subject", "auth0|1", "--program", "codex")
    alone = client(file, "add", "none", "--program", "codex")
    client(file, "list")

    assert (added, again, other, alone) == (0, 1, 0, 1)
    assert "auth0|1" in told
    assert len(told.splitlines()) == 1
    anna, codex = read_tokens(file)
    assert (anna.subject, anna.program, anna.sha256, set(anna.accounts)) == ("auth0|1", "", "", {"DU1"})
    assert (codex.subject, codex.program) == ("auth0|1", "codex")
    assert "(subject auth0|1)" in capsys.readouterr().out
    assert client(file, "remove", "anna") == 0
    assert [each.name for each in read_tokens(file)] == ["anna-codex"]
