"""The TWS protocol as bytes: frames, requests of clients, messages to them."""
