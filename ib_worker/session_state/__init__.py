"""The state of the session, without the session: its reasons, the wanted gateway, links, announcements, and callers."""
