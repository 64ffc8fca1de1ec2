"""Handlers about contracts."""

from bridge.tools.market.contracts import ContractDetails, GetContractDetails
from ib_worker.answers.bounds import kept
from ib_worker.answers.shapes import ListSource
from ib_worker.handlers.dispatch import handles
from ib_worker.session.session import Session
from ib_worker.tws.values import convert


@handles(GetContractDetails)
async def get_contract_details(request: GetContractDetails, session: Session) -> ListSource[list[ContractDetails]]:
    found = await session.contracts.details(request)
    rows = kept("get_contract_details", found, request)
    return ListSource(rows, convert.details, of=len(found))
