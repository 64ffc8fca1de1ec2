"""Ten sessions of a simulated account, with restarts of the worker between them, and the simulator's own books.

The simulator's clock stands still but where it is moved, so that the books and what the worker records are of one time.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bridge.bus.history.store import EXECUTIONS, SNAPSHOTS, names_on, read_records, snapshots_of, trades_of
from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from cli.local_stack.embedded_redis import EmbeddedRedis
from ib_worker.account_history.dealings import newest_executions
from ib_worker.account_history.recorder import HistoryTiming
from ibgateway.simulator.model.config import SimulatorConfig
from ibgateway.simulator.model.orders import CommissionReport, Execution, ExecutionFilter
from ibgateway.simulator.server.server import Simulator
from tests.stacks.timing import waits_at
from tests.stacks.worker import Caller, trading
from tests.waiting import until

NEW_YORK = ZoneInfo("America/New_York")
STANDING = 1e-6  # seconds of the simulator in one of this machine
SOON = HistoryTiming(
    first_s=0.02, check_s=0.2, read_s=0.0, record_s=0.02, retry_s=0.1, whole_s=0.2, told_s=10, in_use_s=1
)
ACCOUNTS = ("DU1234567", "DU7654321")
EUROPEAN = {"symbol": "SAP", "exchange": "SMART", "currency": "EUR"}
PAIR = {"symbol": "EUR", "secType": "CASH", "exchange": "IDEALPRO", "currency": "USD"}


def standing(accounts: tuple[str, ...] = ACCOUNTS) -> SimulatorConfig:
    return SimulatorConfig(time_factor=STANDING, accounts=accounts)


@dataclass
class Books:
    """The simulator's own: net liquidation by account and date, and each execution with its commission by trade."""

    worth: dict[tuple[str, str], float] = field(default_factory=dict)
    executions: dict[str, tuple[Execution, CommissionReport | None]] = field(default_factory=dict)

    def read(self, sim: Simulator) -> None:
        """Read the day's executions, in their latest version."""
        for execution, commission in sim.world.executions(ExecutionFilter()):
            head = execution.execId.rpartition(".")[0]
            self.executions[head] = (sim.gateway.corrected(execution), commission)

    def close(self, sim: Simulator, day: str) -> None:
        for account in sim.world.accounts:
            (net,) = [each for each in sim.world.account_values(account) if each.tag == "NetLiquidation"]
            self.worth[account, day] = float(net.value)


def sim_time(sim: Simulator) -> datetime:
    return datetime.fromtimestamp(sim.now, NEW_YORK)


def move_to(sim: Simulator, clock: time, days: int = 0) -> None:
    """Move the clock on to a time of this day, or of one after."""
    there = sim_time(sim)
    target = datetime.combine(there.date() + timedelta(days=days), clock, NEW_YORK)
    sim.skip((target - there).total_seconds())


def next_session(sim: Simulator) -> int:
    """Return the days until the next weekday."""
    return 3 if sim_time(sim).weekday() == 4 else 1


@asynccontextmanager
async def reader(redis_url: str) -> AsyncIterator[CommandPipeline]:
    async with CommandPipeline(redis_url, waits_at(redis_url)) as pipe:
        yield pipe


async def recorded(pipe: CommandPipeline, session: str, day: str, accounts: Iterable[str] = ACCOUNTS) -> None:
    """Wait until each account's snapshot of that session is there."""

    async def there() -> bool:
        names = await names_on(pipe, Keys(session), SNAPSHOTS)
        return all(f"d{day} {account}" in names for account in accounts)

    await until(there, f"the snapshots of {day} are there", 20)


async def begun(pipe: CommandPipeline, session: str, accounts: Iterable[str] = ACCOUNTS) -> None:
    """Wait until the record of each account has begun."""

    async def there() -> bool:
        names = await names_on(pipe, Keys(session), SNAPSHOTS)
        return all(any(name.endswith(account) for name in names) for account in accounts)

    await until(there, "the record has begun", 20)


async def executed(pipe: CommandPipeline, session: str, books: Books) -> None:
    """Wait until each execution of the books is there, and its commission."""

    async def there() -> bool:
        names = await names_on(pipe, Keys(session), EXECUTIONS)
        return all(f"e{one.execId}" in names for one, _ in books.executions.values())

    await until(there, "the executions are there", 20)


async def restart(redis: EmbeddedRedis) -> None:
    assert redis.process is not None
    redis.process.kill()
    await redis.process.wait()
    await redis.start()


async def buy(front: Caller, sim: Simulator, account: str, quantity: float, **contract: Any) -> None:
    """Place a market order, and let the simulator's time pass until it has filled."""
    action = "BUY" if quantity > 0 else "SELL"
    placed = await front.submit(
        "place_order", account=account, action=action, totalQuantity=abs(quantity), **({"symbol": "AAPL"} | contract)
    )

    async def filled() -> bool:
        sim.skip(1)
        state = await front.ask("get_order_state", permId=placed["permId"])
        return bool(state["details"]["status"] == "Filled")

    await until(filled, "the order has filled", 20)


@dataclass
class TenDays:
    """The play. `away`: sessions at whose close no worker runs. `kept`: sessions after which the worker goes on."""

    sim: Simulator
    redis_url: str
    session: str
    books: Books = field(default_factory=Books)
    away: frozenset[int] = frozenset({4})
    kept: frozenset[int] = frozenset({0, 2, 6})
    days: list[str] = field(default_factory=list)
    redis: EmbeddedRedis | None = None  # killed and started again in the middle, if it may be

    async def run(self, count: int = 10) -> None:
        async with AsyncExitStack() as worker, reader(self.redis_url) as pipe:
            front = await worker.enter_async_context(self._trading())
            for number in range(count):
                if number:
                    if number - 1 not in self.kept:
                        await worker.aclose()
                    move_to(self.sim, time(10), next_session(self.sim))
                    if number - 1 not in self.kept:
                        front = await worker.enter_async_context(self._trading())
                await self._day(number, front, worker, pipe)

    def _trading(self) -> Any:
        return trading(self.redis_url, self.session, self.sim, history_timing=SOON)

    async def _day(self, number: int, front: Caller, worker: AsyncExitStack, pipe: CommandPipeline) -> None:
        day = sim_time(self.sim).date().isoformat()
        await begun(pipe, self.session)
        if number - 1 in self.away:  # the books of the close before are what a late snapshot shows
            self.books.close(self.sim, self.days[-1])
            await recorded(pipe, self.session, self.days[-1])
        self.days.append(day)
        if day != "2025-06-19":  # NYSE rests
            await self._trade(number, front)
        if number == 6 and self.redis is not None:
            await restart(self.redis)
            await front.writable(30)
        self.books.read(self.sim)
        await executed(pipe, self.session, self.books)
        if number in self.away:
            await worker.aclose()
            return
        move_to(self.sim, time(16, 6))
        self.books.close(self.sim, day)
        await recorded(pipe, self.session, day)

    async def _trade(self, number: int, front: Caller) -> None:
        first, second = ACCOUNTS
        await buy(front, self.sim, first, 10 + number)
        if number % 3 == 0:
            await buy(front, self.sim, second, 2_000 + number, **PAIR)
        if number % 3 == 1:
            await buy(front, self.sim, second, 5 + number, **EUROPEAN)
        if number % 4 == 2:
            await buy(front, self.sim, first, -7)
        if number == 3:
            self.sim.fault("manual BUY 3 MSFT")  # another client's: TWS itself
        if number == 5:
            ((last, _), *_) = reversed(self.sim.world.executions(ExecutionFilter()))
            self.sim.fault(f"correct {last.price + 0.1:.2f}")
        if number == 7:
            self.sim.fault("deposit 25000")

    def correct_after(self, price: float) -> Execution:
        """Correct the first execution, on a later day."""
        original, _ = next(iter(self.books.executions.values()))
        head, _, part = original.execId.rpartition(".")
        corrected = replace(original, execId=f"{head}.{int(part) + 1:02d}", price=price, avgPrice=price)
        self.sim.gateway.route([corrected])
        self.sim.flush()
        self.books.executions[head] = (corrected, self.books.executions[head][1])
        return corrected


@dataclass(frozen=True)
class Comparison:
    """The record against the books: what was compared, and what differs."""

    sessions: int
    executions: int
    differences: list[str]


async def compare(redis_url: str, session: str, books: Books) -> Comparison:
    async with reader(redis_url) as pipe:
        keys = Keys(session)
        snapshots = snapshots_of((await read_records(pipe, keys, SNAPSHOTS))[0])
        trades = newest_executions(trades_of((await read_records(pipe, keys, EXECUTIONS))[0]))
    wrong: list[str] = []
    told = {(each.account, each.date): each for each in snapshots if each.kind != "start"}
    for name in books.worth.keys() | told.keys():
        ours = told[name].netLiquidation if name in told else None
        if ours is None or round(ours, 2) != round(books.worth.get(name, float("nan")), 2):
            wrong.append(f"{name}: the record has {ours}, the books {books.worth.get(name)}")
    recorded = {each.execId: (each, paid) for each, paid in trades}
    for execution, commission in books.executions.values():
        found = recorded.pop(execution.execId, None)
        if found is None:
            wrong.append(f"{execution.execId} is not on record")
            continue
        one, paid = found
        terms = (one.account, one.side, one.shares, one.price, paid.commission if paid else None)
        theirs = (
            execution.acctNumber, execution.side, float(execution.shares), execution.price,
            float(commission.commission) if commission else None,
        )  # fmt: skip
        if terms != theirs:
            wrong.append(f"{execution.execId}: the record has {terms}, the books {theirs}")
    wrong += [f"{execId} is not in the books" for execId in recorded]
    return Comparison(len(books.worth), len(books.executions), wrong)
