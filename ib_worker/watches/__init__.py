"""The conditions that the worker looks out for, and when one of them is met."""
