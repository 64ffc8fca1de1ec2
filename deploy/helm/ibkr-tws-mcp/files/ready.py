"""The program of `helm test`: waits until a front says that its session is ready, and prints what keeps it."""

import os
import sys
import time
import urllib.error
import urllib.request


def ask(url: str) -> tuple[bool, str]:
    """Return whether the front says ready, and its words."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return True, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return False, refusal.read().decode()
    except OSError as error:
        return False, f"{url} does not answer: {error}"


def main() -> int:
    deadline = time.monotonic() + float(os.environ["WAIT_S"])
    said = ""
    while True:
        ready, now = ask(os.environ["URL"])
        if now != said:
            said = now
            print(said, flush=True)  # noqa: T201
        if ready or time.monotonic() > deadline:
            return 0 if ready else 1
        time.sleep(2)


if __name__ == "__main__":
    sys.exit(main())
