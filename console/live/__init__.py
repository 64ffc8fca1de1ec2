"""The session as it is now, read once a second for all who watch, and sent to each as server-sent events.

It reads the keys heartbeat, halt, halts, approvals, approval:*, accepted, events, watches, streams and history:*, asks
the worker `get_overview` on the channel req, and listens on event_news and its own replies. It writes none of them,
except that approvals which have expired leave their list.
"""
