"""The login session: connect, synchronise, state, warnings, alerts, fail-over."""
