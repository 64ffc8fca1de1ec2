"""The doctor looks at the stacks of these tests alone."""

import shutil

import pytest

from cli.diagnostics import gateway


@pytest.fixture(autouse=True)
def no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's containers are no part of these stacks."""
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(gateway, "USUAL_PORTS", ())  # where a stack of this machine may listen
