"""A Redis hash whose fields are records as JSON: sign-ins, clients, their access, and OAuth grants are kept so."""

from typing import TypeVar

import msgspec

Record = TypeVar("Record", bound=msgspec.Struct)


def decoded_hash(flat: list[bytes], kind: type[Record]) -> tuple[dict[str, Record], int]:
    """Return the records by their names from HGETALL's answer, and the number of those that can't be read."""
    records: dict[str, Record] = {}
    for name, record in zip(flat[::2], flat[1::2], strict=True):
        try:
            records[name.decode()] = msgspec.json.decode(record, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return records, len(flat) // 2 - len(records)
