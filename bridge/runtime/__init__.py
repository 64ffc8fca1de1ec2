"""The event loop of a service, and the heap of its process."""
