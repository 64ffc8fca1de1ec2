"""`orders`: shows order records, by key or all that are in flight."""

import argparse

from bridge.bus.keys import Keys
from bridge.bus.records.records import OrderRecord, RecordKeeper
from bridge.bus.transport.pipeline import CommandPipeline
from cli.operator.redis_target import add_bus_arguments, with_bus

NO_LEASE = 0  # this command only reads


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("key", nargs="*", help="keys to look up; left out: list the orders in flight")
    add_bus_arguments(parser)


def run(options: argparse.Namespace) -> int:
    async def act(pipe: CommandPipeline, keys: Keys) -> int:
        records = RecordKeeper(pipe, keys, NO_LEASE)
        if not options.key:
            unfinished = await records.unfinished()
            for each in unfinished:
                print(told(each))
            print(f"{len(unfinished)} orders are accepted and not answered")
            return 0
        for key in options.key:
            found = await records.read(key)
            print(
                told(found) if found is not None else f"{key}  no record: never used, withdrawn, or over seven days old"
            )
        return 0

    return with_bus(options, act)


def told(record: OrderRecord) -> str:
    answer = "" if record.reply is None else "ok" if record.reply.ok else record.reply.code
    notes = " ".join(f"{name}={value}" for name, value in sorted(record.notes.items()))
    return f"{record.key}  {record.request.op}  {record.state}  {answer}  by {record.request.caller}  {notes}".rstrip()
