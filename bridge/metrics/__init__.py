"""Metrics for Prometheus: what a service counts, its table of metrics, and the port that serves them."""
