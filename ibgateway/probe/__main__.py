"""`python -m ibgateway.probe HOST PORT`: prints one line of JSON; the exit code names the outcome."""

import argparse
import json
import sys
from pathlib import Path

from ibgateway.probe.handshake import EXIT_CODES, MEANING, ask
from ibgateway.probe.phase import ADVICE, PHRASES, read_login, read_phrases

CODES = ", ".join(f"{code} {outcome}" for outcome, code in EXIT_CODES.items())


def main() -> int:
    options = _parser().parse_args()
    answer = ask(options.host, options.port, options.timeout)
    told: dict[str, object] = {
        "host": options.host,
        "port": options.port,
        "outcome": answer.outcome,
        "serverVersion": answer.serverVersion,
        "time": answer.time,
        "meaning": MEANING[answer.outcome],
    }
    if options.log:
        told |= _login(options.log, options.phrases)
    sys.stdout.write(json.dumps(told) + "\n")
    return EXIT_CODES[answer.outcome]


def _login(log: Path, phrases: Path) -> dict[str, object]:
    """Return the login phase of the log; no line of the log is printed, since lines name accounts and addresses."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        login = read_login(lines, read_phrases(phrases.read_text(encoding="utf-8")))
    return {"phase": login.phase, "rejections": login.rejections, "advice": ADVICE[login.phase]}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ibgateway.probe",
        description="Ask a gateway for its API version and leave; no client id is used.",
        epilog=f"Exit codes: {CODES}.",
    )
    parser.add_argument("host", nargs="?", default="127.0.0.1")
    parser.add_argument("port", nargs="?", type=int, default=4002)
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds for the whole exchange (3)")
    parser.add_argument(
        "--log", type=Path, help="the gateway's log, or /dev/stdin, to read the phase of the login from"
    )
    parser.add_argument("--phrases", type=Path, default=PHRASES, help="table of the log's phrases (phrases.tsv)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
