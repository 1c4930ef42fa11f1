"""A class of 300: what grading costs, in the warm sandbox and in a fresh one, with one job and with two.

A round takes some seven minutes on two cores. In ``class`` three loops never end: each takes all the seconds of its
question, which two jobs cannot share evenly; ``light`` is the same class without them. In ``hostile`` one submission in
twenty attacks.
"""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import standin
from benchmarks.measure import Case, timed
from coursecode.experiments.record import Plain
from coursegrade.cage.run import run_class

# what an exercise that trains a net takes of a processor
_TRAINING = """import time
end = time.process_time() + 1.5
while time.process_time() < end:
    torch.rand(200, 200) @ torch.rand(200, 200)
"""


# what an attack is made of; each costs its own question and nothing else
_ATTACKS = (
    "while True:\n    pass\n",
    "hoard = []\nwhile True:\n    hoard.append(torch.ones(1 << 24))\n",
    "import os\nos._exit(0)\n",
    "import os\nwhile os.fork() >= 0:\n    pass\n",
    "import os\nfor d in range(64):\n    try:\n        os.write(d, b'x' * 10_000)\n    except OSError:\n        pass\n",
    "for _ in range(3_000):\n    print('x' * 10_000)\n",
    "import os\nos.kill(-1, 9)\n",
    "def out_size(n, k):\n    return [[0] * 1_000] * 1_000\n",
)


def _submission(number: int, draw: random.Random, kind: str = "class") -> bytes:
    """One in twenty is damaged; of the others most are right, some blank, some wrong.

    In a ``class`` one in a hundred never ends; in a ``hostile`` one one in twenty attacks; ``training`` takes seconds.
    """
    if number % 20 == 7:
        right = standin.notebook(standin.SOLUTIONS)
        cells = json.loads(right)
        cells["cells"] = cells["cells"][:2]
        return [b"", b"{broken", right[: len(right) // 2], b"[]", json.dumps(cells).encode()][number // 20 % 5]
    answers = dict(standin.SOLUTIONS)
    if kind == "hostile" and number % 20 == 3:
        answers["size"] = _ATTACKS[number // 20 % len(_ATTACKS)]
    elif kind == "class" and number % 100 == 50:
        answers["size"] = "def out_size(n, k):\n    while True:\n        pass\n"
    elif draw.random() < 0.3:
        answers[draw.choice(sorted(answers))] = "pass\n"
    more = _TRAINING if kind == "training" else ""
    return bytes(standin.notebook(answers, extra=f"# student {number}\ntorch.rand({number} + 1).mean()\n{more}"))


def _class(root: Path, students: int, *, questions: tuple[str, ...], kind: str = "class") -> None:
    draw = random.Random(0)
    (root / "release" / "standin").mkdir(parents=True)
    (root / "release" / "standin" / "bundle.json").write_text(json.dumps(standin.bundle(*questions).to_json()))
    (root / "grading.toml").write_text('[course]\nname = "bench"\n')
    (root / "seed.txt").write_text("benchmark\n")
    for number in range(students):
        folder = root / "submitted" / f"s{number:03}" / "standin"
        folder.mkdir(parents=True)
        (folder / "standin.ipynb").write_bytes(_submission(number, draw, kind))


@contextmanager
def grading(*, tiny: bool) -> Iterator[tuple[dict[str, Any], list[Case]]]:
    """``run_class`` on synthetic classes: wall-clock time, seconds per submission, how many got a grade or a reason."""
    whole, few, training = (3, 1, 2) if tiny else (300, 8, 40)
    classes = {"class": whole, "light": whole, "hostile": whole, "training": training, "few": few}
    with tempfile.TemporaryDirectory() as folder:
        for kind, students in classes.items():
            _class(Path(folder, kind), students, questions=("size",) if tiny else (), kind=kind)

        def case(kind: str, jobs: int, mode: Any) -> Callable[[], dict[str, Plain]]:
            students = classes[kind]

            def work() -> dict[str, Plain]:
                root = Path(folder, kind)
                shutil.rmtree(root / "results", ignore_errors=True)
                counts = []
                spent = timed(lambda: counts.append(run_class(root, "standin", jobs=jobs, mode=mode)))
                done = counts[0]
                if done.graded + done.failed != students:
                    raise RuntimeError(f"{kind}: of {students} students {done} have a grade or a reason.")
                per = float(str(spent["seconds"])) / students
                return {**spent, "per_submission": per, "graded": done.graded, "failed": done.failed}

            return work

        yield (
            {"students": whole, "damaged": len([n for n in range(whole) if n % 20 == 7]), "bundle": "standin"},
            [
                ({"case": kind, "mode": mode, "jobs": jobs, "students": classes[kind]}, case(kind, jobs, mode))
                for kind, mode, jobs in (
                    ("class", "zygote", 2),
                    ("class", "zygote", 1),
                    ("light", "zygote", 2),
                    ("light", "zygote", 1),
                    ("hostile", "zygote", 2),
                    ("training", "zygote", 2),
                    ("training", "zygote", 1),
                    ("few", "zygote", 1),
                    ("few", "fresh", 1),
                )
            ],
        )
