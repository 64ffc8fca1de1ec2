"""The worker without the event log of orders: what an order takes before any reader is served.

Each audit entry is written as in the worker itself, in the same step, which then logs no event of the order.
"""

import sys

from ib_worker import __main__, leader
from ib_worker.audit.trail import no_drafts


def main() -> int:
    vars(leader)["order_drafts"] = no_drafts
    return __main__.main()


if __name__ == "__main__":
    sys.exit(main())
