"""The session given to a person for a while, as the operator's console asks for it."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from bridge.tool import Effect, Model, ToolRequest, operation

LONGEST_LOAN_MIN = 12 * 60


class SessionLoan(Model):
    """The loan: the worker connects again by itself at `until`, by this machine's clock."""

    until: datetime
    message: str = ""


class SessionTakenBack(Model):
    """The end of a loan. `connected` is false where the gateway could not be reached yet: the worker keeps trying."""

    connected: bool
    message: str = ""


@operation(returns=SessionLoan, toolset="session", effect=Effect.SESSION, console=True)
class LendSession(ToolRequest):
    """Disconnect the session for some minutes, so that a person can use the same IBKR login in a TWS of their own. No
    client can connect it meanwhile."""

    minutes: Annotated[int, Field(ge=1, le=LONGEST_LOAN_MIN)] = 60


@operation(returns=SessionTakenBack, toolset="session", effect=Effect.SESSION, deadline_s=30, console=True)
class TakeBackSession(ToolRequest):
    """Connect the session again, before the loan's end too."""
