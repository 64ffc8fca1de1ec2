"""The orders of one client, counted against limits of its own; the accepting step counts those of the session."""

from dataclasses import dataclass

from bridge.bus.keys import Keys
from bridge.bus.transport.pipeline import CommandPipeline
from bridge.bus.transport.script import Script
from bridge.tool import ToolError

KEPT_MS = 48 * 3600 * 1000

# Counts orders under a key, unless a limit is reached. Those that are counted under the key already count once.
TAKE = Script(
    """#!lua
local placed, key, orders = KEYS[1], ARGV[1], tonumber(ARGV[2])
local minute, day, day_from, closing = tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5], ARGV[6] == '1'
local function member(i) return i == 1 and key or key .. '/' .. i end
local time, new = redis.call('TIME'), 0
local at = time[1] * 1000 + math.floor(time[2] / 1000)
if type(redis.pcall('ZCARD', placed)) == 'table' then redis.call('DEL', placed) end
redis.call('ZREMRANGEBYSCORE', placed, '-inf', at - KEPT_MS)
for i = 1, orders do if not redis.call('ZSCORE', placed, member(i)) then new = new + 1 end end
if not closing and new > 0 then
    if minute > 0 and redis.call('ZCOUNT', placed, at - 60000, '+inf') + new > minute then return 'minute' end
    if day > 0 and redis.call('ZCOUNT', placed, day_from, '+inf') + new > day then return 'day' end
end
for i = 1, orders do redis.call('ZADD', placed, 'NX', string.format('%.0f', at), member(i)) end
redis.call('PEXPIRE', placed, KEPT_MS)
return ''
""".replace("KEPT_MS", str(KEPT_MS))
)

# Counts the orders under a key no more (ARGV[1] and the following: their members), unless a leader has accepted the
# key: what was rejected then is a second delivery of its request.
GIVE_BACK = Script("""#!lua flags=allow-oom
local placed, own = KEYS[1], KEYS[2]
local st = redis.call('HGET', own, 'st')
if st == 'accepted' or st == 'done' then return 0 end
return redis.call('ZREM', placed, unpack(ARGV))
""")


@dataclass(frozen=True)
class ClientLimits:
    """The numbers of orders that a client may place; 0 stands for no limit of its own. `day_from_ms`: the time when the
    exchange's day began."""

    client: str
    per_minute: int
    per_day: int
    day_from_ms: int


class ClientOrders:
    """The leader's counts. A count is taken before the accepting step, and given back where that rejects the order."""

    def __init__(self, pipe: CommandPipeline, keys: Keys) -> None:
        self._pipe = pipe
        self._keys = keys

    async def take(self, limits: ClientLimits, key: str, orders: int, closing: bool) -> None:
        """Count the orders. A closing order counts, and passes. Raises ToolError limit_exceeded, BusError."""
        figures = (limits.per_minute, limits.per_day, limits.day_from_ms, "1" if closing else "0")
        reached = await TAKE.run(self._pipe, (self._keys.placed_by(limits.client),), key, orders, *figures)
        if not reached:
            return
        period = reached.decode()
        most, name = (limits.per_minute if period == "minute" else limits.per_day), f"max_orders_per_{period}"
        raise ToolError(
            "limit_exceeded",
            f"Order limit reached: at most {most} orders per {period} of {limits.client} ({name}, its own limit below "
            "the session's). Wait and retry; cancels are still allowed.",
            limit=name,
            allowed=most,
            client=limits.client,
        )

    async def give_back(self, limits: ClientLimits, key: str, orders: int) -> None:
        """Count the orders no more, unless an earlier delivery of their request was accepted. Raises BusError."""
        members = [key, *(f"{key}/{number}" for number in range(2, orders + 1))]
        await GIVE_BACK.run(self._pipe, (self._keys.placed_by(limits.client), self._keys.answer(key)), *members)
