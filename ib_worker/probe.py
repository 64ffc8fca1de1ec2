"""`python -m ib_worker.probe`: exit 0 while this host's worker lives, ready or not."""

import sys

from ib_worker.liveness import is_alive
from ib_worker.settings import WorkerSettings


def main() -> int:
    return 0 if is_alive(WorkerSettings().beat_file) else 1


if __name__ == "__main__":
    sys.exit(main())
