"""An answer as an example: short, and without what differs from one run to the next."""

import json
import re
from typing import Any

ROWS = 2  # of a list of objects or rows
WORDS = 6  # of a list of texts
LONGEST_TEXT = 240  # characters
RANDOM = {
    "handle": "s-0123456789ab",
    "alertId": "k3v9x2ab-q7w8e4r5t6y1u2i3",
    "confirmationToken": "q7w8e4r5t6y1u2i3",
    "cursor": "1749652200000-0",
    "worker": "worker-1",
}
MEASURED = ("waited_seconds", "seconds", "age_s", "expires_in_s")
FIXED = {"port": 4002, "heartbeat_age_ms": 500}
# The moments of the run, by the simulator's clock or this machine's: all become the moment at which it began.
MOMENT = re.compile(r"(?:2025-06-11T(?=1[04]:)|20(?:2[6-9]|[3-9]\d)-\d\d-\d\dT)[\d:.]+(?P<zone>Z|[+-]\d\d:\d\d)")
BEGAN = {"Z": "2025-06-11T14:30:00Z", "+00:00": "2025-06-11T14:30:00Z", "-04:00": "2025-06-11T10:30:00-04:00"}


def random_values(value: Any) -> dict[str, str]:
    """Return the random values of an answer, each with what stands for it in every example."""
    found: dict[str, str] = {}
    for name, each in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(each, (dict, list)):
            found |= random_values(each)
        elif isinstance(each, str) and each and name in RANDOM:
            found[each] = RANDOM[name]
        elif name == "port":
            found[f"127.0.0.1:{each}"] = f"127.0.0.1:{FIXED[name]}"
    return found


def stable(value: Any, random: dict[str, str]) -> Any:
    """Return the value with stable ids and moments."""
    text = json.dumps(value)
    for each in sorted(random, key=len, reverse=True):
        text = text.replace(each, random[each])
    return json.loads(MOMENT.sub(lambda found: BEGAN.get(found["zone"], found[0]), text))


def short(value: Any, name: str = "", *, of_a_list: bool = False) -> Any:
    """Return the value with its long lists and texts cut; a row stays whole, and so do the names of its columns."""
    if isinstance(value, dict):
        return {each: short(part, each) for each, part in value.items()}
    if isinstance(value, list):
        if of_a_list or name == "columns":
            return value
        most = ROWS if value and isinstance(value[0], (dict, list)) else WORDS
        return [short(each, of_a_list=True) for each in value[:most]]
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[:LONGEST_TEXT] + "…"
    if name in FIXED and value is not None:
        return FIXED[name]
    return round(value) if name in MEASURED and value is not None else value
