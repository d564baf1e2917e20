"""`python -m chaos [--orders N] [--seed N] …`: the long trial; prints a table and a JSON line, exits 1 if anything was lost."""

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from chaos.monkey import Disruptions
from chaos.run import Trial


def arguments() -> argparse.Namespace:
    """What was asked for; a seed is drawn when none is given."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Kill everything while orders run (chaos/README.md).")
    parser.add_argument("--orders", type=int, default=10_000, help="orders placed and paid; 10,000 by default")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of disruptions and faults")
    parser.add_argument("--kills", type=int, default=20, help="kill -9 of web processes, dispatchers, worker and beat")
    parser.add_argument("--flushes", type=int, default=3, help="FLUSHALL of Valkey")
    parser.add_argument("--restarts", type=int, default=2, help="immediate stops of PostgreSQL, which is started again")
    parser.add_argument("--failing", type=float, default=0.25, help="share of the pushes that the receiver fails")
    parser.add_argument("--clients", type=int, default=32, help="players who buy at once")
    parser.add_argument("--programs", type=int, default=20, help="mini programs, each with a receiver of its own")
    parser.add_argument("--factor", type=float, default=0.02, help="the waits of the schedule are multiplied with this")
    parser.add_argument("--hurry", action="store_true", help="a kill ends all leases at once, also those of the living")
    parser.add_argument("--patience", type=float, default=600, help="seconds to wait for the last acknowledgement")
    parser.add_argument("--keep", action="store_true", help="keep the directory with the logs, and print its name")
    return parser.parse_args()


def main() -> int:
    """Run the trial; the exit status is 1 if one of the checks failed."""
    options = arguments()
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    directory = Path(tempfile.mkdtemp(prefix="console-chaos-"))
    disruptions = Disruptions(kills=options.kills, flushes=options.flushes, restarts=options.restarts, hurry=options.hurry)
    began = time.monotonic()
    try:
        results = Trial(options, directory, disruptions).run()
    finally:
        if options.keep:
            print(f"logs: {directory}", file=sys.stderr)
        else:
            shutil.rmtree(directory, ignore_errors=True)
    results.counts |= {"seed": options.seed, "seconds": round(time.monotonic() - began, 1)}
    print(results.table())
    print(json.dumps(results.line()), flush=True)
    return 0 if results.passed else 1


if __name__ == "__main__":
    sys.exit(main())
