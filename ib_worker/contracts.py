"""Handlers about contracts."""

from bridge.contracts import ContractDetails, GetContractDetails
from ib_worker import convert
from ib_worker.dispatch import handles
from ib_worker.session import Session


@handles(GetContractDetails)
async def get_contract_details(request: GetContractDetails, session: Session) -> list[ContractDetails]:
    return [convert.details(each) for each in await session.contracts.details(request)]
