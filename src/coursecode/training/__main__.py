"""Train a net of the chapter *LeNet* from the command line, in one process or under torchrun."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import get_args

import torch
from torch import distributed

from coursecode import data, device, lenet
from coursecode.training import Recipe, fit, seed_everything
from coursecode.training.processes import team
from coursecode.training.recipe import Schedule

NETS = ("lenet_modern", "lenet_classic", "mlp", "softmax_regression")


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a net of the chapter *LeNet* from the command line, in one process or under torchrun."""
    options = parser().parse_args(arguments)
    recipe = Recipe(
        num_epochs=options.epochs,
        lr=options.lr,
        batch_size=options.batch_size,
        weight_decay=options.weight_decay,
        nesterov=options.nesterov,
        schedule=options.schedule,
        seed=options.seed,
    )
    place = device.pick()
    if "RANK" in os.environ:  # torchrun started this process, with others
        if place.type == "cuda":
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("nccl" if place.type == "cuda" else "gloo")
    try:
        digits = data.load(options.data)
        seed_everything(options.seed)
        net = getattr(lenet, options.net)()
        history = fit(
            net,
            digits.train_x,
            digits.train_y,
            recipe,
            test_x=digits.test_x,
            test_y=digits.test_y,
            device=place,
            checkpoint=options.checkpoint,
            resume=options.resume,
        )
        if team().rank == 0:
            print("epoch  train loss  train accuracy  test loss  test accuracy  seconds")
            for epoch, row in enumerate(zip(*asdict(history).values(), strict=True), 1):
                print("{:5d}  {:10.4f}  {:14.4f}  {:9.4f}  {:13.4f}  {:7.1f}".format(epoch, *row))
    finally:
        if distributed.is_available() and distributed.is_initialized():
            distributed.destroy_process_group()


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    parser = argparse.ArgumentParser(prog="python -m coursecode.training", description=main.__doc__)
    parser.add_argument("--data", default="digits", help="digits, mnist or fashion-mnist (default: %(default)s)")
    parser.add_argument("--net", default=NETS[0], choices=NETS)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--batch-size", type=int, default=64, help="of all processes together")
    parser.add_argument("--weight-decay", type=float, default=2e-3)
    parser.add_argument("--nesterov", action="store_true")
    parser.add_argument("--schedule", default="one-cycle", choices=get_args(Schedule))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", help="safetensors file, written after every epoch")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint if it is there")
    return parser


if __name__ == "__main__":
    main()
