"""The replication id of a server, which changes with each restart and promotion."""

UNKNOWN_ID = "?"  # the server does not tell it


def replication_id_of(info: bytes) -> str:
    """The id in an answer of INFO: a server has another one after each restart and each promotion."""
    for line in info.decode(errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == "master_replid":
            return value.strip()
    return UNKNOWN_ID
