"""The condition of Redis, as the worker found it."""

from dataclasses import dataclass

from bridge.bus.integrity.durability import Durability


@dataclass
class RedisCondition:
    """The durability of Redis, and the data that it has lost."""

    counted_ids: int | None = None  # the highest orderId that Redis knew of when this term began
    durability: Durability | None = None  # as last read
    data_loss: str | None = None  # what Redis was found to lack, until the operator resumes
    halted_for_loss: bool = False
