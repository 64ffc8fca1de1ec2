"""`python -m tests.docker`: every container fault on this machine's engine, one after another, with its times."""

import argparse
import asyncio
import statistics
import sys

from cli.local_stack.readiness import until_ready
from tests.docker.faults import FAULTS, Fault, Verdict, faulty_stack, play


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.docker", description=__doc__)
    parser.add_argument("--only", default="", help="faults whose name has these words, such as 'cut worker'")
    only = parser.parse_args().only.split()
    verdicts = asyncio.run(_play([each for each in FAULTS if set(only) <= set(str(each).split())]))
    broken = [each for each in verdicts if each.wrong]
    print(f"\n{len(verdicts) - len(broken)} of {len(verdicts)} faults held", end="; ")
    print(f"ready again after {statistics.median(each.ready_s for each in verdicts):.1f} s in the median,", end=" ")
    print(f"{max(each.ready_s for each in verdicts):.1f} s at most; {sum(len(e.outcomes) for e in verdicts)} calls")
    return 1 if broken else 0


async def _play(faults: list[Fault]) -> list[Verdict]:
    with faulty_stack() as (stack, journal):
        await until_ready(stack.port, lambda news: None)
        verdicts = []
        for each in faults:
            verdicts.append(await play(stack, each, journal))
            print(verdicts[-1], flush=True)
        return verdicts


if __name__ == "__main__":
    sys.exit(main())
