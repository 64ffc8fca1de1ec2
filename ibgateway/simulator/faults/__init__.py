"""Faults of a gateway, scripted; importing these modules fills the script's vocabulary."""

from ibgateway.simulator.faults import frames, link, orders, service
from ibgateway.simulator.faults.engine import FaultEngine, SocketControl
from ibgateway.simulator.faults.script import ScriptError

__all__ = ["FaultEngine", "ScriptError", "SocketControl", "frames", "link", "orders", "service"]
