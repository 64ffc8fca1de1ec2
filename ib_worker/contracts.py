"""Handlers about contracts."""

from bridge.contracts import ContractDetails, GetContractDetails
from ib_worker import convert
from ib_worker.bounds import Part, kept
from ib_worker.dispatch import handles
from ib_worker.session import Session


@handles(GetContractDetails)
async def get_contract_details(request: GetContractDetails, session: Session) -> list[ContractDetails]:
    found = await session.contracts.details(request)
    rows = kept("get_contract_details", found)
    return Part(await session.long_work.each(rows, convert.details), of=len(found))
