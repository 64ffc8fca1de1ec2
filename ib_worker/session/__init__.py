"""The login session: connect, synchronise, warnings, alerts, fail-over."""
