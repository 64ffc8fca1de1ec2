"""The drawing process: a figure as JSON comes in, its PNG goes out. It sets its own limits and has no secrets.

The front starts a new process for each chart, without its environment variables.
"""

import sys
from contextlib import suppress

import msgspec

from mcp_front.drawing.figure import MOST_BYTES, ChartFigure
from mcp_front.drawing.picture import png_of

MEMORY = 512 * 1024 * 1024  # bytes of addresses; a chart uses 32 MB of memory
PROCESSOR_S = 10
FILES = 16


def main() -> int:
    limit()
    told = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(told) > MOST_BYTES:
        sys.stderr.write(f"the figure has more than {MOST_BYTES} bytes\n")
        return 2
    sys.stdout.buffer.write(png_of(msgspec.json.decode(told, type=ChartFigure)))
    return 0


def limit() -> None:
    """Set the kernel's limits on this process, where there are any."""
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415  # there is none on Windows

    limits = {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_CPU: PROCESSOR_S, resource.RLIMIT_NOFILE: FILES}
    for which, most in (limits | {resource.RLIMIT_CORE: 0}).items():
        with suppress(ValueError, OSError):  # macOS knows no limit of addresses
            resource.setrlimit(which, (most, most))


if __name__ == "__main__":
    sys.exit(main())
