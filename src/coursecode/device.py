"""Shared by all chapters: where tensors live, and the switches that make a computation repeatable."""

from __future__ import annotations

import os

import torch

from coursecode._checks import check_int

__all__ = ["describe", "deterministic", "named", "pick"]


def pick() -> torch.device:
    """The device to compute on: what ``COURSECODE_DEVICE`` says (``cpu``, ``cuda``), else CUDA where there is one.

    Raises ``ValueError`` when the variable holds anything else, ``RuntimeError`` when it asks for an absent CUDA.
    """
    wish = os.environ.get("COURSECODE_DEVICE", "").strip().lower()
    if wish not in ("", "cpu", "cuda"):
        raise ValueError(
            f"COURSECODE_DEVICE is {os.environ['COURSECODE_DEVICE']!r}, but it must be cpu or cuda; "
            "unset it to choose automatically."
        )
    available = wish != "cpu" and torch.cuda.is_available()
    if wish == "cuda" and not available:
        built = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is built for the CPU only"
        raise RuntimeError(
            f"COURSECODE_DEVICE is cuda, but torch finds no CUDA device (torch {torch.__version__} {built}). "
            "Set COURSECODE_DEVICE=cpu, or unset it to choose automatically."
        )
    return torch.device("cuda" if available else "cpu")


def named(who: str, device: torch.device | str) -> torch.device:
    """The device of that name, if torch knows it and this machine has it; ``who`` begins the error otherwise.

    >>> named("fit", "gpu")
    Traceback (most recent call last):
    ...
    ValueError: fit: device is 'gpu', but torch knows no device of that name; give 'cpu', 'cuda' (NVIDIA, AMD) or \
'mps' (Apple), or leave it out to choose automatically.
    """
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f"{who}: device is {device!r}, but torch knows no device of that name; give 'cpu', 'cuda' (NVIDIA, AMD) or "
            "'mps' (Apple), or leave it out to choose automatically."
        ) from None
    try:
        torch.empty(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise RuntimeError(
            f"{who}: device is {str(found)!r}, but this machine does not offer it to torch {torch.__version__} "
            f"({str(error).splitlines()[0]}). Leave device out to choose automatically, or give 'cpu'."
        ) from error
    return found


def describe(device: torch.device | str) -> str:
    """One line for people: the GPU's name and memory, or the number of CPU threads in use.

    >>> describe("cpu").startswith("CPU, ")
    True
    """
    device = torch.device(device)
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' if threads > 1 else ''}"


def deterministic(*, threads: int = 1) -> None:
    """Make the same program give the same numbers: ``threads`` CPU threads, no TF32, fixed cuDNN algorithms.

    Sums depend on how many threads share them, so the number is part of the result. Seeds are not set here:
    that is :func:`coursecode.training.seed_everything`.

    >>> deterministic()
    >>> torch.get_num_threads()
    1
    """
    torch.set_num_threads(check_int("deterministic", "threads", threads, minimum=1))
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
