"""`python -m tests.faults --minutes 10 --seed 7`, from the root of the checkout."""

from __future__ import annotations

import argparse
import random
import sys

from .run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description="Kernels in bad weather.")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: 1)")
    parser.add_argument("--seed", type=int, help="of all random choices (default: a new one, printed)")
    parser.add_argument("--world", type=int, help="only the world of this number")
    parser.add_argument("--keep-going", action="store_true", help="go on with the next world after a failure")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.randrange(1_000_000)
    say(f"seed {seed}")
    one = arguments.world is not None
    report = run(
        seed,
        60.0 if one else arguments.minutes,
        first=arguments.world or 0,
        worlds=1 if one else None,
        keep_going=arguments.keep_going,
        say=say,
    )
    return 1 if report.failures else 0


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
