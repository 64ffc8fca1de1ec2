"""Traces: a call's spans over front, bus, worker and TWS, by OpenTelemetry where an endpoint is set."""
