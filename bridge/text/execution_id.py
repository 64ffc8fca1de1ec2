"""The id of an execution: what its corrections share with it, and which of them it is. Source: IBKR, execDetails."""


def trade_of(execId: str) -> str:
    """Return the part of an execId that an execution shares with its corrections.

    0000e0d5.6841d6f5.01.02 corrects 0000e0d5.6841d6f5.01.01.
    """
    return execId.rpartition(".")[0] or execId


def version_of(execId: str) -> int:
    """Return the number of an execution's correction; 0 where its id has none."""
    last = execId.rpartition(".")[2]
    return int(last) if last.isdecimal() else 0
