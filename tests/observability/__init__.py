"""Tests of deploy/observability: the alert rules and the dashboard, by promtool and by Grafana's own schema."""
