"""``python -m benchmarks [PART …]``: measure, and store the result for the book.

A part has a file of its own. Cases are measured in turns: each round measures all of them once, so that a slow minute
of the machine touches all alike. With ``--append`` the new rounds follow those of an earlier run on the same machine
with the same versions and settings: a long part can be measured in pieces.

``d2l_pages`` needs d2l's own notebooks, which we do not copy: download and unpack https://d2l.ai/d2l-en.zip and give
the folder of its chapter in D2L_NOTEBOOKS (…/pytorch/chapter_convolutional-neural-networks).
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from benchmarks.measure import PARTS, UnavailableError, measure
from coursecode.experiments.record import RESULTS, Result

FOLDER = RESULTS / "benchmarks"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: all of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each case (default: %(default)s)")
    parser.add_argument("--append", action="store_true", help="add rounds to those that are stored")
    parser.add_argument("--tiny", action="store_true", help="little work, to try the code; needs --out")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the results (default: the book's)")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"{', '.join(unknown)}: no such part; there are {', '.join(PARTS)}")
    if options.tiny and options.out == FOLDER:
        parser.error("--tiny needs --out FOLDER: what the book shows comes from full measurements")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    if "OMP_NUM_THREADS" in os.environ:  # each part sets its own number of threads
        os.environ.pop("OMP_NUM_THREADS")
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]])
    for part in options.parts or PARTS:
        print(part, flush=True)
        try:
            result = measure(part, rounds=options.rounds, tiny=options.tiny)
        except UnavailableError as error:
            if options.parts:
                parser.error(str(error))
            print(f"  left out: {error}", flush=True)
            continue
        file = options.out / f"{part}.json"
        if options.append and file.exists():
            result = Result.load(file, command="python -m benchmarks").followed_by(result)
        options.out.mkdir(parents=True, exist_ok=True)
        result.save(file)


if __name__ == "__main__":
    main()
