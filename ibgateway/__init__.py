"""Tools around IB Gateway: a simulator of it, a recorder of its sessions, and a probe of its health."""
