"""`import-flex`: imports Flex statements of IBKR into the account's past: deposits, and the time before the record."""

import argparse
import sys
from pathlib import Path

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.errors import Problem
from cli.operator.flex_import import Imported, import_account
from cli.operator.flex_statement import SECTIONS, FlexAccount, read_statement
from cli.operator.redis_target import add_bus_arguments, with_bus

MOST_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="+", type=Path, help="a Flex query's XML, as saved from IBKR's Client Portal")
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    try:
        statements = [each for file in options.file for each in read_statement(file)]
    except (Problem, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1

    async def act(pipe: CommandPipeline, keys: Keys) -> int:
        for each in statements:
            _tell(each, await import_account(pipe, keys, each))
        return 0

    return with_bus(options, act)


def _tell(statement: FlexAccount, imported: Imported) -> None:
    print(
        f"{imported.account}: {imported.sessions} sessions, {imported.executions} executions and {imported.flows} "
        "deposits, withdrawals and transfers are new"
    )
    for days in statement.covered:
        print(f"  deposits and withdrawals are known from {days.first} to {days.last}")
    for name in sorted(statement.missing):
        print(f"  the statement has no section {SECTIONS[name]}: add it to the Flex query for what it tells")
    for each in imported.disagreements[:MOST_SHOWN]:
        print(f"  differs: {each}")
    if len(imported.disagreements) > MOST_SHOWN:
        print(f"  and {len(imported.disagreements) - MOST_SHOWN} further differences")
    if imported.disagreements:
        print("  The record stays as it is.")
