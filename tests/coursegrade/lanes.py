"""A stand-in for the side of a worker in ``run``, which a fresh process imports in no time."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any


def serve(line: Any, context: Any) -> None:
    """Answer with what is asked for; die or hang where the student's name says so, and keep a log of who was here."""
    log = context[1]
    while True:
        try:
            student, data = line.recv()
        except (EOFError, OSError):
            return
        with open(log, "a") as file:
            file.write(f"{os.getpid()} {student} begins\n")
        with open(log) as file:
            tries = file.read().count(f" {student} begins")
        if student.startswith("killer") or (student.startswith("weak") and tries < 3):
            os.kill(os.getpid(), signal.SIGKILL)
        if student.startswith("sleeper"):
            time.sleep(600)
        time.sleep(0.02)
        with open(log, "a") as file:
            file.write(f"{os.getpid()} {student} ends\n")
        line.send(json.loads(data))
