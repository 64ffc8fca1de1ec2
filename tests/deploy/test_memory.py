"""What the simulator keeps fits into what each deployment gives it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ibgateway.simulator.world.market.market import KEPT_BYTES

ROOT = Path(__file__).resolve().parents[2]
BESIDE = 300_000_000  # a hundred of journal, and the program itself
GATEWAY = "gateway"
UNITS = {"g": 2**30, "Gi": 2**30, "m": 2**20, "M": 2**20, "Mi": 2**20}
PLACES: dict[str, tuple[str, ...]] = {
    "compose.yaml": ("services", GATEWAY, "mem_limit"),
    "deploy/swarm/simulator.yaml": ("services", GATEWAY, "deploy", "resources", "limits", "memory"),
    "deploy/helm/ibkr-tws-mcp/values.yaml": (GATEWAY, "simulatorResources", "limits", "memory"),
}


@pytest.mark.parametrize("file", PLACES)
def test_the_days_that_the_simulator_keeps_fit_its_memory_limit(file: str) -> None:
    found: Any = yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))
    for name in PLACES[file]:
        found = found[name]
    digits = "".join(filter(str.isdigit, found))

    assert int(digits) * UNITS[found.removeprefix(digits)] >= KEPT_BYTES + BESIDE
