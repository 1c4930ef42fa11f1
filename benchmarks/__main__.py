"""``python -m benchmarks [PART …]``: measure, and store the result for the book.

A part replaces its own block of the file and leaves the others. Cases are interleaved: each round measures all of
them once, so that a slow minute of the machine touches all alike.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.measure import PARTS, measure
from coursecode.experiments.timings import FILE, save


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure speed and memory.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: all of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each case (default: %(default)s)")
    parser.add_argument("--tiny", action="store_true", help="little work, to try the code; needs --out")
    parser.add_argument("--out", type=Path, default=FILE, help="JSON file (default: the one the book reads)")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"{', '.join(unknown)}: no such part; there are {', '.join(PARTS)}")
    if options.tiny and options.out == FILE:
        parser.error("--tiny needs --out FILE: what the book shows comes from full measurements")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if "OMP_NUM_THREADS" in os.environ:  # each part sets its own number of threads
        os.environ.pop("OMP_NUM_THREADS")
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]])
    for part in options.parts or PARTS:
        print(part, flush=True)
        save(part, measure(part, rounds=options.rounds, tiny=options.tiny), path=options.out)


if __name__ == "__main__":
    main()
