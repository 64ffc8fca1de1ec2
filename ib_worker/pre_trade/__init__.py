"""The checks that an order or a change must pass before it is sent, and their inputs."""
