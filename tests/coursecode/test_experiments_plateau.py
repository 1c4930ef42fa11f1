"""The study of the plateau: what each change changes, when a run ends, and what its gradients are."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from registry import claim
from torch import Tensor, nn

from coursecode import data, lenet
from coursecode.experiments import plateau, stored
from coursecode.experiments.runner import Task, carry_out, plan_of

SETTINGS = ("activation", "pooling", "weights", "lr", "momentum")


def test_each_change_changes_one_thing() -> None:
    classic, *others = plan_of("leave_the_plateau").jobs
    assert classic["change"] == "none"
    for job in others:
        assert sum(job[name] != classic[name] for name in SETTINGS) == 1, job["change"]


def test_the_first_gradient_is_that_of_the_net_before_training() -> None:
    study = plan_of("leave_the_plateau", "small")
    (row,), _ = carry_out(study, Task("leave_the_plateau", "small", 0, {}, {**study.jobs[0], "images": 0}))
    x, y = plateau._pictures("digits", 100, 0, 0)
    torch.manual_seed(0)
    net = lenet.lenet_classic()
    nn.functional.cross_entropy(net(x), y).backward()
    expected = net.conv1.weight.grad.square().mean().sqrt().item()
    assert row["first_gradient"] == pytest.approx(expected, rel=1e-4)


class Knowing(nn.Module):
    """Finds the answers in a list of its own; its one weight has no say."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.x, self.y = x.flatten(1), y

    def forward(self, batch: Tensor) -> Tensor:
        places = torch.cdist(batch.flatten(1), self.x).argmin(1)
        return 9.0 * nn.functional.one_hot(self.y[places], 10) + 0 * self.weight


def test_a_net_that_knows_the_answers_leaves_at_once_and_one_that_cannot_learn_runs_to_the_cap() -> None:
    digits = data.load("digits")
    x, y = digits.train_x[:40].float() / 255, digits.train_y[:40]
    still = {"lr": 1e-9, "momentum": 0.0, "batch_size": 20, "cap": 30}
    assert plateau._updates(lenet.lenet_classic(), x, y, **still) == (30, False)
    assert plateau._updates(Knowing(x, y), x, y, **still) == (plateau._WINDOW, True)


@pytest.mark.slow
def test_another_seed_and_other_images_keep_the_classic_net_and_let_the_others_go() -> None:
    study = plan_of("leave_the_plateau")
    short = replace(study, settings={**study.settings, "data": "digits", "pictures": 2000, "cap": 60})
    left = {}
    for job in study.jobs:
        if job["change"] in ("none", "ReLU", "tanh"):
            task = Task("leave_the_plateau", "full", 500, {}, {**job, "images": 1})
            (row,), _ = carry_out(short, task)
            left[job["change"]] = row["left"]
    assert left == {"none": False, "ReLU": True, "tanh": True}


@claim("S27")
def test_every_stored_run_left_the_plateau_before_the_cap() -> None:
    result = stored("leave_the_plateau")
    assert all(result.column("left"))
    assert max(result.column("updates")) < result.settings["cap"]
    for row in result.rows:
        assert row["doublings"] == pytest.approx(math.log2(row["updates"]), rel=1e-5)
