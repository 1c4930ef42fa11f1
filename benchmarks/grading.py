"""A class of 300: what grading costs, in the warm sandbox and in a fresh one, with one job and with two."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.measure import Case, timed
from coursecode.experiments.record import Plain
from coursegrade import standin
from coursegrade.cage.run import run_class

# what an exercise that trains a net takes of a processor
_TRAINING = """import time
end = time.process_time() + 1.5
while time.process_time() < end:
    torch.rand(200, 200) @ torch.rand(200, 200)
"""


def _submission(number: int, draw: random.Random, *, trains: bool = False) -> bytes:
    """One in twenty is damaged; of the others most are right, some blank, some wrong, one in a hundred never ends."""
    if number % 20 == 7:
        right = standin.notebook(standin.SOLUTIONS)
        cells = json.loads(right)
        cells["cells"] = cells["cells"][:2]
        return [b"", b"{broken", right[: len(right) // 2], b"[]", json.dumps(cells).encode()][number // 20 % 5]
    answers = dict(standin.SOLUTIONS)
    if number % 100 == 50:
        answers["size"] = "def out_size(n, k):\n    while True:\n        pass\n"
    elif draw.random() < 0.3:
        answers[draw.choice(sorted(answers))] = "pass\n"
    more = _TRAINING if trains else ""
    return bytes(standin.notebook(answers, extra=f"# student {number}\ntorch.rand({number} + 1).mean()\n{more}"))


def _class(root: Path, students: int, *, questions: tuple[str, ...], trains: bool = False) -> None:
    draw = random.Random(0)
    (root / "release" / "standin").mkdir(parents=True)
    (root / "release" / "standin" / "bundle.json").write_text(json.dumps(standin.bundle(*questions).to_json()))
    (root / "grading.toml").write_text('[course]\nname = "bench"\n')
    (root / "seed.txt").write_text("benchmark\n")
    for number in range(students):
        folder = root / "submitted" / f"s{number:03}" / "standin"
        folder.mkdir(parents=True)
        (folder / "standin.ipynb").write_bytes(_submission(number, draw, trains=trains))


@contextmanager
def grading(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """``run_class`` on synthetic classes: wall-clock time, seconds per submission, how many got a grade or a reason."""
    whole, few, training = (3, 1, 2) if tiny else (300, 8, 40)
    with tempfile.TemporaryDirectory() as folder:
        for students in (whole, few, training):
            questions = ("size",) if tiny else ()
            _class(Path(folder, str(students)), students, questions=questions, trains=students == training)

        def case(students: int, jobs: int, mode: Any) -> Callable[[], dict[str, Plain]]:
            def work() -> dict[str, Plain]:
                root = Path(folder, str(students))
                shutil.rmtree(root / "results", ignore_errors=True)
                counts = []
                spent = timed(lambda: counts.append(run_class(root, "standin", jobs=jobs, mode=mode)))
                done = counts[0]
                per = float(str(spent["seconds"])) / students
                return {**spent, "per_submission": per, "graded": done.graded, "failed": done.failed}

            return work

        yield (
            {"students": whole, "damaged": len([n for n in range(whole) if n % 20 == 7]), "bundle": "standin"},
            [
                ({"case": name, "mode": mode, "jobs": jobs, "students": students}, case(students, jobs, mode))
                for name, students, mode, jobs in (
                    ("class", whole, "zygote", 2),
                    ("class", whole, "zygote", 1),
                    ("training", training, "zygote", 2),
                    ("training", training, "zygote", 1),
                    ("few", few, "zygote", 1),
                    ("few", few, "fresh", 1),
                )
            ],
        )
