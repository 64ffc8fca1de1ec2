"""The pages and what their buttons do."""
