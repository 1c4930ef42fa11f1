"""A run's state in a file, so that a run that was killed goes on and ends with the same bits."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from coursecode._checks import shape_text
from coursecode.training.history import History
from coursecode.training.recipe import Recipe


def named(who: str, checkpoint: str | os.PathLike[str] | None, resume: bool) -> Path | None:
    """The checkpoint's path, if one is wanted and can be written."""
    path = None if checkpoint is None else Path(checkpoint)
    if path is None and resume:
        raise ValueError(f"{who}: resume needs a checkpoint to go on from; name its file.")
    if path is not None and not path.parent.is_dir():
        raise FileNotFoundError(f"{who}: the folder of the checkpoint {path} does not exist; make it first.")
    return path


def described(recipe: Recipe, velocity: Mapping[str, Tensor], **sets: Tensor | None) -> dict[str, Any]:
    """All that a run must share with the one that it goes on from: recipe, trained parameters, images and labels."""
    counts = {"images": sets["pixels"], "test_images": sets["test_pixels"]}
    return {
        **asdict(recipe),
        **{name: 0 if images is None else len(images) for name, images in counts.items()},
        "trained parameters": ", ".join(velocity),
        **{name: _digest([tensor]) for name, tensor in sets.items() if tensor is not None},
    }


def save(path: Path, net: nn.Module, velocity: Mapping[str, Tensor], run: dict[str, Any], history: History) -> None:
    """Write the checkpoint beside its place and rename it: at every moment the place holds a complete one."""
    from safetensors.torch import save

    tensors = {f"net.{name}": t for name, t in net.state_dict().items()}
    tensors |= {f"velocity.{name}": v for name, v in velocity.items()}
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    notes = {"net": _architecture(net), "recipe": run, "history": asdict(history)}
    tensors = {name: t.detach().cpu().clone(memory_format=torch.contiguous_format) for name, t in tensors.items()}
    texts = {key: json.dumps(value) for key, value in notes.items()}
    content = save(tensors, texts | {"sha256": json.dumps(_content_digest(tensors, texts))})
    part = path.with_name(path.name + ".part")
    with open(part, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def restore(path: Path, net: nn.Module, velocity: Mapping[str, Tensor], run: dict[str, Any]) -> History:
    """Bring net, velocities and random generators to the state of the checkpoint; returns its history."""
    remedy = "Give another file as checkpoint, or delete this one to train from the start."
    tensors, notes, past = _read(path, remedy)
    for there, here in zip_longest(notes["net"], _architecture(net), fillvalue="nothing"):
        if there != here:
            raise ValueError(
                f"fit: {path} belongs to another architecture: it has `{there.strip()}` where this net has "
                f"`{here.strip()}`. Build the net of that run. {remedy}"
            )
    stored = notes["recipe"]
    changed = [f"{key} was {stored.get(key)}, is {value}" for key, value in run.items() if stored.get(key) != value]
    if changed:
        raise ValueError(
            f"fit: {path} belongs to another run: {'; '.join(changed)}. An exact resume needs the same values. {remedy}"
        )
    net.load_state_dict({name[4:]: t for name, t in tensors.items() if name.startswith("net.")})
    for name, v in velocity.items():
        v.copy_(tensors[f"velocity.{name}"])
    torch.set_rng_state(tensors["random.cpu"])
    if torch.cuda.is_available() and "random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random.cuda"])
    return past


def _read(path: Path, remedy: str) -> tuple[dict[str, Tensor], dict[str, Any], History]:
    """Tensors, notes and history of a complete and unaltered checkpoint."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
            texts = dict(file.metadata() or {})
        if json.loads(texts.pop("sha256")) != _content_digest(tensors, texts):
            raise ValueError("its SHA-256 is another one than that of its content")
        notes = {key: json.loads(value) for key, value in texts.items()}
        _ = notes["net"], notes["recipe"]
        return tensors, notes, History(**notes["history"])
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"fit: {path} is not a complete checkpoint of fit ({error}); it is truncated, altered or another kind of "
            f"file. {remedy}"
        ) from error


def _architecture(net: nn.Module) -> list[str]:
    """The net's layers, then its tensors, a line each: what a checkpoint must share with the net."""
    shapes = [f"{name}: {shape_text(t.shape)} {t.dtype}" for name, t in net.state_dict().items()]
    return [*str(net).splitlines(), *shapes]


def _digest(tensors: Iterable[Tensor], *texts: str) -> str:
    """SHA-256 of the tensors' dtypes, shapes and bytes, and of the texts."""
    found = hashlib.sha256()
    for tensor in tensors:
        found.update(f"{tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    for text in texts:
        found.update(text.encode())
    return found.hexdigest()


def _content_digest(tensors: dict[str, Tensor], texts: dict[str, str]) -> str:
    names = sorted(tensors)
    return _digest([tensors[name] for name in names], *names, *(f"{key}={texts[key]}" for key in sorted(texts)))
