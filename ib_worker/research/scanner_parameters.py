"""The scanner's parameters, requested and read once a day: the XML has two million characters."""

from bridge.tool import ToolError
from bridge.tools.market.scanners import ParameterKind
from ib_worker.research.scanner_search import nearest
from ib_worker.research.scanner_xml import ScannerParameter, scanner_parameters
from ib_worker.session.session import Session
from ib_worker.tws.requests import SCANNER_PARAMETERS

KEPT_S = 86_400  # TWS changes them with a release
PIECE_CHARS = 1_024  # read at once, between the rests of the thread beside the event loop
SILENCE_S = 25.0  # two million characters come in one message, after seconds
READ = "scanner parameters as read"


async def parameters_of(session: Session, kind: ParameterKind) -> list[ScannerParameter]:
    """Return the parameters of a kind in TWS's order.

    Raises ToolError, TwsError, UnreadableMessage, ConnectionLost or TimeoutError.
    """
    known: list[ScannerParameter] | None = session.caches.reference_data.get(READ)
    if known is None:
        known = await session.tws.share_at_length(READ, lambda: _read(session))
    return [each for each in known if each.kind == kind]


async def require_parameter(session: Session, argument: str, kind: ParameterKind, code: str) -> None:
    """Raises ToolError invalid_arguments with the nearest codes, where TWS's scanner does not have this one."""
    known = await parameters_of(session, kind)
    if any(each.code == code for each in known):
        return
    near = ", ".join(nearest(known, code))
    raise ToolError(
        "invalid_arguments",
        f"{argument}: TWS's scanner has no {kind} {code}. {f'Near it: {near}. ' if near else ''}"
        f"ibkr_get_scanner_parameters with kind {kind} lists them.",
    )


async def _read(session: Session) -> list[ScannerParameter]:
    (xml,) = await session.tws.request_list(
        SCANNER_PARAMETERS, lambda wire: wire.reqScannerParameters(), silence_s=SILENCE_S
    )
    pieces = [xml[start : start + PIECE_CHARS] for start in range(0, len(xml), PIECE_CHARS)]
    found = await session.long_work.run(pieces, scanner_parameters)
    session.caches.reference_data.keep(READ, found, KEPT_S)
    return found
