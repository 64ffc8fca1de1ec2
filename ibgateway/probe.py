"""Asks a gateway for its API version and leaves: proof that it answers, which takes no client's place.

A TCP connection proves little: the real image's port forwarder accepts before the gateway runs, and a frozen one keeps
accepting. The version exchange comes before startApi, so no client id is used and no order is read.
"""

import argparse
import socket
import struct
import sys

LONGEST = 4096  # a version and a date; anything longer is no gateway


def server_version(host: str, port: int, timeout_s: float) -> int:
    """The gateway's server version; OSError (TimeoutError too) or ValueError when nothing, or no gateway, answers."""
    with socket.create_connection((host, port), timeout=timeout_s) as connection:
        asked = b"v100..200"
        connection.sendall(b"API\0" + struct.pack(">I", len(asked)) + asked)
        (length,) = struct.unpack(">I", receive(connection, 4))
        if not 0 < length <= LONGEST:
            raise ValueError(f"{host}:{port} does not speak the TWS protocol")
        version = receive(connection, length).split(b"\0")[0]
    return int(version)


def receive(connection: socket.socket, size: int) -> bytes:
    whole = b""
    while len(whole) < size:
        part = connection.recv(size - len(whole))
        if not part:
            raise ConnectionError("closed before it answered: it is starting, or this is the wrong port")
        whole += part
    return whole


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ibgateway.probe", description=__doc__.split("\n")[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4002)
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds for each step (3)")
    options = parser.parse_args()
    try:
        version = server_version(options.host, options.port, options.timeout)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{options.host}:{options.port}: {error}\n")
        return 1
    sys.stdout.write(f"{options.host}:{options.port} answers with server version {version}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
