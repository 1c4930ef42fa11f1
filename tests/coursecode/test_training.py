"""Training: exact metrics, the same bits from the same seed, and a killed run that goes on."""

import json
import math
import os
import signal as signals
import socket
import subprocess
import sys
import time
from collections import OrderedDict
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pretend import pretended
from registry import claim
from safetensors import safe_open
from torch import nn
from torch.nn import functional as F

from coursecode import data, device, lenet, training
from coursecode.training import History, Recipe, checkpoint, loop, measures
from coursecode.training.__main__ import main

QUICK = Recipe(num_epochs=2, lr=0.05, batch_size=16)


def fit(net: nn.Module, x: torch.Tensor, y: torch.Tensor, recipe: Recipe = QUICK, **options: object) -> History:
    return training.fit(net, x, y, recipe, **{"device": "cpu", **options})


def problem(n: int = 70, *, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Images of size 1×4×4 in three classes: a bright row at the top, in the middle, at the bottom."""
    torch.manual_seed(seed)
    y = torch.arange(n) % 3
    x = 0.3 * torch.rand(n, 1, 4, 4)
    x[torch.arange(n), 0, y] += 0.7
    return x, y


def small_net(seed: int = 0, *, dropout: float = 0.0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(1, 4, 3, padding=1),
            act=nn.ReLU(),
            drop=nn.Dropout(dropout),
            flatten=nn.Flatten(),
            dense=nn.Linear(64, 3),
        )
    )


def bits(net: nn.Module) -> bytes:
    return b"".join(t.numpy().tobytes() for t in net.state_dict().values())


# Arithmetic


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_the_step_is_that_of_torchs_sgd(nesterov, weight_decay):
    x, y = problem()
    ours, theirs = small_net(), small_net()
    options = {"momentum": 0.9, "weight_decay": weight_decay, "nesterov": nesterov}
    optimizer = torch.optim.SGD(theirs.parameters(), lr=1.0, **options)
    velocity = [torch.zeros_like(p) for p in ours.parameters()]
    for lr in (0.1, 0.2, 0.05, 0.01):
        optimizer.param_groups[0]["lr"] = lr
        for net in (ours, theirs):
            net.zero_grad()
            F.cross_entropy(net(x), y).backward()
        optimizer.step()
        loop._sgd_step(ours.parameters(), velocity, replace(QUICK, **options), lr)
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-7)


@given(epochs=st.integers(1, 30), steps=st.integers(1, 50))
def test_one_cycle_rises_then_falls_and_constant_stays(epochs, steps):
    recipe = Recipe(num_epochs=epochs, lr=0.5, batch_size=1)
    rates = [recipe.learning_rate(e, s, steps) for e in range(epochs) for s in range(steps)]
    top = rates.index(max(rates))
    assert all(0 < rate <= 0.5 for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert abs((top + 0.5) / len(rates) - 0.3) <= 1 / len(rates)
    constant = replace(recipe, schedule="constant")
    assert {constant.learning_rate(e, 0, steps) for e in range(epochs)} == {0.5}


@given(n=st.integers(1, 1200), wrong=st.integers(0, 1200))
def test_evaluate_counts_every_image_once(n, wrong):
    wrong = min(wrong, n)
    y = torch.zeros(n, dtype=torch.int64)
    y[:wrong] = 1
    x = torch.tensor([[2.0, -1.0]]).repeat(n, 1)  # the logits themselves: class 0 every time
    got = training.evaluate(nn.Flatten(), x, y)
    assert got.accuracy == (n - wrong) / n
    assert got.loss == pytest.approx(float(F.cross_entropy(x.double(), y)), rel=1e-6)


def test_training_metrics_weigh_a_partial_last_batch_by_its_images():
    x, y = problem(70)  # batches of 32, 32 and 6
    net = small_net(1)
    before = training.evaluate(net, x, y)
    history = fit(net, x, y, Recipe(num_epochs=1, lr=1e-30, batch_size=32))
    assert history.train_accuracy == [before.accuracy]
    assert history.train_loss[0] == pytest.approx(before.loss, rel=1e-6)


def test_history_holds_a_number_per_epoch_and_the_last_is_the_nets():
    x, y = problem()
    tx, ty = problem(31, seed=1)
    net = small_net()
    history = fit(net, x, y, replace(QUICK, num_epochs=8), test_x=tx, test_y=ty)
    for numbers in vars(history).values():
        assert len(numbers) == 8
    last = training.evaluate(net, tx, ty)
    assert (history.test_loss[-1], history.test_accuracy[-1]) == last
    assert last.accuracy == 1.0
    assert history.train_loss[-1] < history.train_loss[0]
    assert all(seconds > 0 for seconds in history.seconds)


def test_without_a_test_set_the_test_lists_stay_empty():
    x, y = problem()
    history = fit(small_net(), x, y)
    assert (history.test_loss, history.test_accuracy) == ([], [])


def test_a_batch_larger_than_the_set_is_the_set():
    x, y = problem(10)
    nets = [small_net(), small_net()]
    for net, batch_size in zip(nets, (10, 1000), strict=True):
        fit(net, x, y, replace(QUICK, batch_size=batch_size))
    assert bits(nets[0]) == bits(nets[1])


def test_uint8_images_are_scaled_to_one():
    x, y = problem()
    pixels = (x * 255).to(torch.uint8)
    nets = [small_net(), small_net()]
    for net, images in zip(nets, (pixels, data.normalise(pixels)), strict=True):
        fit(net, images, y)
    assert bits(nets[0]) == bits(nets[1])
    assert torch.equal(training.predict(nets[0], pixels), training.predict(nets[1], data.normalise(pixels)))
    assert training.evaluate(nets[0], pixels, y) == training.evaluate(nets[1], data.normalise(pixels), y)


def test_a_net_with_three_dimensional_kernels_trains_too():
    x, y = problem()
    net = nn.Sequential(nn.Conv3d(1, 2, (1, 3, 3)), nn.Flatten(), nn.Linear(8, 3))
    history = fit(net, x.unsqueeze(1), y)
    assert len(history.train_loss) == 2


def test_a_frozen_layer_stays_as_it_is():
    x, y = problem()
    net = small_net()
    net.conv.requires_grad_(False)
    before = net.conv.weight.clone(), net.dense.weight.clone()
    fit(net, x, y, replace(QUICK, weight_decay=0.1))
    assert torch.equal(net.conv.weight, before[0])
    assert not torch.equal(net.dense.weight, before[1])


def test_a_float64_net_trains_in_float64():
    x, y = problem()
    net = small_net().double()
    fit(net, x, y, test_x=x, test_y=y)
    assert net.dense.weight.dtype == torch.float64
    assert training.predict(net, x).dtype == torch.float64


# Repeatability


def test_the_seed_decides_the_result_whatever_the_caller_drew_before():
    x, y = problem()
    results = []
    for seed, draws in ((5, 0), (5, 3), (6, 0)):
        net = small_net(dropout=0.5)
        torch.rand(draws)
        fit(net, x, y, replace(QUICK, seed=seed))
        results.append(bits(net))
    assert results[0] == results[1]
    assert results[0] != results[2]


def test_the_callers_random_numbers_are_untouched():
    x, y = problem()
    net = small_net(dropout=0.5)
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    fit(net, x, y)
    assert torch.equal(torch.rand(3), expected)


def test_seed_everything_seeds_all_three_generators():
    import random

    import numpy as np

    draws = []
    for _ in range(2):
        training.seed_everything(2**40 + 1)
        draws.append((random.random(), float(np.random.rand()), float(torch.rand(()))))
    assert draws[0] == draws[1]
    with pytest.raises(ValueError, match="seed is -1"):
        training.seed_everything(-1)


def test_predict_gives_the_logits_in_order_and_the_mode_back():
    net = small_net(dropout=0.5)
    x, _ = problem(1203)
    net.train()
    logits = training.predict(net, x)
    assert net.training
    assert not logits.requires_grad
    net.eval()
    assert torch.allclose(logits, net(x), atol=1e-6)
    assert training.predict(net, x[:0]).shape == (0, 3)
    assert training.predict(net, x)[1200:].shape == (3, 3)
    logits += 1  # an ordinary tensor: it may be changed, and gradients may flow from it
    assert (logits.clone().requires_grad_() * 2).sum().requires_grad


# Bad input


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lr": 0}, ValueError, "lr is 0, but it must be positive and finite"),
        ({"lr": math.nan}, ValueError, "lr is nan"),
        ({"momentum": 1.0}, ValueError, "momentum is 1.0, but it must be at least 0 and below 1"),
        ({"weight_decay": -1}, ValueError, "weight_decay is -1"),
        ({"momentum": 0.0, "nesterov": True}, ValueError, "nesterov looks ahead along the momentum"),
        ({"schedule": "cosine"}, ValueError, "schedule is 'cosine', but it must be 'one-cycle' or 'constant'"),
        ({"num_epochs": 0}, ValueError, "num_epochs is 0, but it must be at least 1"),
        ({"batch_size": 2.5}, TypeError, "batch_size must be a whole number"),
        ({"seed": -3}, ValueError, "seed is -3"),
        ({"seed": 2**64}, ValueError, "seed is 18446744073709551616, but it must be at most 18446744073709551615"),
        ({"lr": "0.1"}, TypeError, "lr must be a number, not '0.1'"),
        ({"momentum": None}, TypeError, "momentum must be a number, not None"),
    ],
)
def test_a_recipe_that_no_run_could_have_is_refused_when_it_is_written(change, error, message):
    with pytest.raises(error, match=f"^Recipe: .*{message}"):
        Recipe(**{**asdict(QUICK), **change})
    with pytest.raises(error, match=f"^Recipe: .*{message}"):
        replace(QUICK, **change)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"device": "gpu"}, ValueError, "device is 'gpu', but torch knows no device of that name; give 'cpu', 'cuda'"),
        ({"device": "cuda:99"}, RuntimeError, "device is 'cuda:99', but this machine does not offer it"),
        ({"resume": True}, ValueError, "resume needs a checkpoint"),
        ({"checkpoint": "nowhere/net.safetensors"}, FileNotFoundError, "does not exist; make it first"),
    ],
)
def test_a_bad_option_is_named_with_its_rule(options, error, message):
    x, y = problem()
    with pytest.raises(error, match=message):
        fit(small_net(), x, y, **options)


def test_a_recipe_does_not_change_and_holds_plain_numbers():
    import numpy as np

    recipe = Recipe(num_epochs=np.int64(2), lr=np.float32(0.5), batch_size=16, momentum=0, seed=np.int64(1))
    assert recipe == Recipe(num_epochs=2, lr=0.5, batch_size=16, momentum=0.0, seed=1)
    assert {type(value) for value in asdict(recipe).values()} == {int, float, bool, str}
    assert json.loads(json.dumps(asdict(recipe))) == asdict(recipe)
    with pytest.raises(AttributeError):
        recipe.lr = 0.1


def test_what_is_no_recipe_is_refused():
    x, y = problem()
    with pytest.raises(TypeError, match=r"fit: recipe must be a Recipe, not dict; build one: Recipe\(num_epochs=…"):
        fit(small_net(), x, y, asdict(QUICK))


def test_the_largest_numbers_are_taken():
    x, y = problem(10)
    nets = [small_net(), small_net()]
    for net, batch_size in zip(nets, (10, 2**63), strict=True):
        fit(net, x, y, replace(QUICK, batch_size=batch_size, seed=2**64 - 1))
    assert bits(nets[0]) == bits(nets[1])


def test_a_net_with_nothing_to_train_is_refused():
    x, y = problem()
    for net in (small_net().requires_grad_(False), nn.Flatten()):
        with pytest.raises(ValueError, match=r"no parameter to train: all are frozen.*requires_grad_\(True\)"):
            fit(net, x, y)


def test_a_lazy_net_is_asked_to_see_a_batch_first():
    x, y = problem()
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    for call in (
        lambda: fit(net, x, y),
        lambda: training.evaluate(net, x, y),
        lambda: training.predict(net, x),
    ):
        with pytest.raises(ValueError, match=r"the net's layer 1, LazyLinear.*, has no sizes yet; .*net\(x\)"):
            call()
    net(x)
    fit(net, x, y)


def test_what_is_no_net_is_refused():
    x, y = problem()
    for call in (lambda f: fit(f, x, y), lambda f: training.predict(f, x)):
        with pytest.raises(TypeError, match=r"net must be a torch\.nn\.Module, not "):
            call(F.relu)


class TwoAnswers(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = small_net()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self.inner(x), x


def test_a_net_that_returns_two_things_is_refused():
    x, y = problem()
    for call in (
        lambda: fit(TwoAnswers(), x, y),
        lambda: training.evaluate(TwoAnswers(), x, y),
        lambda: training.predict(TwoAnswers(), x),
    ):
        with pytest.raises(ValueError, match=r"the net returns a tuple, .*Let its forward return the logits alone"):
            call()


def with_batch_norm() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))


def test_a_last_batch_of_one_is_refused_before_a_batch_norm_meets_it():
    x, y = problem(129)
    net = with_batch_norm()
    before = bits(net)
    for batch_size, sum_ in ((128, r"129 = 1 × 128 \+ 1"), (1, "129 = 129 × 1")):
        with pytest.raises(ValueError, match=rf"a single image \({sum_}\).*layer 2, BatchNorm1d.*another batch_size"):
            fit(net, x, y, replace(QUICK, batch_size=batch_size))
    assert bits(net) == before
    fit(net, x, y, replace(QUICK, batch_size=127))
    spread = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
    fit(spread, x, y, replace(QUICK, batch_size=128))  # four values per channel: one image is enough
    frozen = with_batch_norm()
    frozen[2].eval()
    fit(frozen, x, y, replace(QUICK, batch_size=128))


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool])
def test_images_of_whole_numbers_other_than_uint8_are_asked_what_they_are(dtype):
    x, y = problem()
    pixels = (255 * x).to(dtype)
    name = str(dtype).removeprefix("torch.")
    for call in (
        lambda: fit(small_net(), pixels, y),
        lambda: training.evaluate(small_net(), pixels, y),
        lambda: training.predict(small_net(), pixels),
    ):
        with pytest.raises(TypeError, match=rf"x is {name}; .*x\.to\(torch\.uint8\), or .*x\.float\(\)"):
            call()


def test_floats_that_were_not_scaled_are_warned_of():
    x, y = problem()
    for call in (
        lambda: fit(small_net(), 255 * x, y, replace(QUICK, lr=1e-6)),
        lambda: training.evaluate(small_net(), 255 * x, y),
        lambda: training.predict(small_net(), 255 * x),
    ):
        with pytest.warns(UserWarning, match=r"x runs from 0\.?\d* to 2\d\d.* is not scaled; .*normalise") as told:
            call()
        assert told[0].filename == __file__
    standardised = (x - x.mean()) / x.std()
    training.predict(small_net(), 8 * standardised)  # filterwarnings: a warning here would be an error


def test_a_softmax_before_the_cross_entropy_is_warned_of():
    x, y = problem()
    net = nn.Sequential(*small_net(), nn.Softmax(dim=1))
    for call in (lambda: fit(net, x, y), lambda: training.evaluate(net, x, y)):
        with pytest.warns(UserWarning, match=r"seems to end in a softmax.*Leave the net's out") as told:
            call()
        assert told[0].filename == __file__
    training.evaluate(nn.Sequential(*small_net(), nn.LogSoftmax(dim=1)), x, y)  # which a second one leaves as it is


def test_sums_are_taken_in_float64_where_there_is_one():
    assert measures.sums_in(torch.device("cpu")) == measures.sums_in(torch.device("cuda")) == torch.float64
    assert measures.sums_in(torch.device("mps")) == torch.float32


# Modes


@pytest.mark.parametrize("whole", [True, False])
def test_each_part_has_its_mode_of_before(whole):
    x, y = problem()
    net = with_batch_norm().train(whole)
    net[3].train(not whole)
    before = [module.training for module in net.modules()]
    for call in (
        lambda: training.predict(net, x),
        lambda: training.evaluate(net, x, y),
        lambda: fit(net, x, y, test_x=x, test_y=y),
    ):
        call()
        assert [module.training for module in net.modules()] == before
    with pytest.raises(FloatingPointError):
        fit(net, x, y, replace(QUICK, lr=1e30))
    assert [module.training for module in net.modules()] == before


def test_a_frozen_batch_norm_keeps_its_statistics():
    x, y = problem()
    net = with_batch_norm()
    net[2].eval()
    before = {name: t.clone() for name, t in net[2].named_buffers()}
    fit(net, x, y, test_x=x, test_y=y)
    assert all(torch.equal(t, before[name]) for name, t in net[2].named_buffers())
    net[2].train()
    fit(net, x, y)
    assert not torch.equal(net[2].running_mean, before["running_mean"])


def test_a_net_in_evaluation_mode_is_trained_in_training_mode():
    x, y = problem()
    nets = [small_net(dropout=0.5), small_net(dropout=0.5).eval()]
    for net in nets:
        fit(net, x, y)
    assert bits(nets[0]) == bits(nets[1])
    plain = small_net()
    fit(plain, x, y)
    assert bits(plain) != bits(nets[0])  # the dropout did drop


class Watching(nn.Module):
    """Keeps which images it saw in training, a list per batch."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(1, 3)
        self.seen: list[list[int]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training:
            self.seen.append(x.flatten().mul(100).round().int().tolist())
        return self.dense(x.flatten(1))


def test_images_are_shuffled_anew_in_each_epoch_and_each_is_seen_once():
    x, y = torch.arange(60).reshape(60, 1) / 100, torch.arange(60) % 3
    orders = {}
    for seed in (0, 1):
        net = Watching()
        fit(net, x, y, replace(QUICK, num_epochs=3, seed=seed))
        assert [len(batch) for batch in net.seen] == [16, 16, 16, 12] * 3
        epochs = [[image for batch in net.seen[start : start + 4] for image in batch] for start in (0, 4, 8)]
        assert all(sorted(epoch) == list(range(60)) for epoch in epochs)
        orders |= {(seed, n): tuple(epoch) for n, epoch in enumerate(epochs)}
    assert len({tuple(range(60)), *orders.values()}) == 7  # six orders, none of them the given one


def test_the_device_that_is_picked_is_the_one_that_computes(monkeypatch):
    x, y = problem()
    with pretended() as other:
        monkeypatch.setattr(device, "pick", lambda: other)
        picked, given = small_net(), small_net()
        fit(picked, x, y, device=None)
        fit(given, x, y)
    assert {p.device for p in picked.parameters()} == {other}
    assert {p.device for p in given.parameters()} == {torch.device("cpu")}


def test_an_empty_training_set_is_refused():
    x, y = problem()
    with pytest.raises(ValueError, match="train_x is empty; at least one image"):
        fit(small_net(), x[:0], y[:0])
    with pytest.raises(ValueError, match="test_x is empty"):
        fit(small_net(), x, y, test_x=x[:0], test_y=y[:0])
    with pytest.raises(ValueError, match="x is empty"):
        training.evaluate(small_net(), x[:0], y[:0])


def test_images_and_labels_must_belong_together():
    x, y = problem()
    with pytest.raises(ValueError, match="train_x has shape 70×1×4×4 and train_y has 69 labels"):
        fit(small_net(), x, y[1:])
    with pytest.raises(ValueError, match="give both or neither"):
        fit(small_net(), x, y, test_x=x)
    with pytest.raises(TypeError, match=r"train_y is float32, but class numbers are int64; .*train_y\.long\(\)"):
        fit(small_net(), x, y.float())
    with pytest.raises(ValueError, match="train_y has shape 70×1"):
        fit(small_net(), x, y.unsqueeze(1))


@pytest.mark.parametrize("label", [-1, 3, 255])
def test_a_label_out_of_range_is_named_with_its_place(label):
    x, y = problem()
    y[17] = label
    message = rf"\[17\] is {label}, but the net has 3 outputs, so labels run from 0 to 2 \(1 of 70"
    with pytest.raises(ValueError, match="train_y" + message):
        fit(small_net(), x, y)
    with pytest.raises(ValueError, match="test_y" + message):
        fit(small_net(), x, problem()[1], test_x=x, test_y=y)
    with pytest.raises(ValueError, match="y" + message):
        training.evaluate(small_net(), x, y)


def test_images_of_another_size_name_the_layer_that_refuses_them():
    _, y = problem()
    net = small_net()
    for call in (lambda x: fit(net, x, y), lambda x: training.predict(net, x)):
        with pytest.raises(ValueError, match=r"does not take images of size 1×5×5 .*layer dense, Linear.* given 100"):
            call(torch.rand(70, 1, 5, 5))
        with pytest.raises(ValueError, match=r"does not take images of size 3×4×4 .*layer conv, Conv2d"):
            call(torch.rand(70, 3, 4, 4))
    with pytest.raises(ValueError, match=r"size 1×3×3 \(test_x\)"):
        fit(net, torch.rand(70, 1, 4, 4), y, test_x=torch.rand(70, 1, 3, 3), test_y=y)


def test_lenet_says_itself_which_images_it_takes():
    _, y = problem()
    net = lenet.lenet_modern()
    for images, said, direct in (
        (
            torch.rand(70, 3, 28, 28),
            r"LeNet: X has shape .*grey images of 28×28; resize them",
            r"must be \(batch, 1, 28, 28\): grey images of 28×28; resize them",
        ),
        (
            torch.rand(70, 28, 28),
            r"train_x has no channel axis: give train_x\[:, None\]",
            r"must be \(batch, 1, 28, 28\).*give X\[:, None\]",
        ),
    ):
        with pytest.raises(ValueError, match=rf"does not take images .*\(train_x\)\. {said}"):
            fit(net, images, y)
        with pytest.raises(ValueError, match=rf"^LeNet: X has shape .*{direct}"):
            net(images)
    with pytest.raises(ValueError, match=r"give X\[None\]"):
        net(torch.rand(1, 28, 28))
    with pytest.raises(ValueError, match=r"give X\[None, None\]"):
        net(torch.rand(28, 28))


@pytest.mark.parametrize(
    ("x", "mend"),
    [((3, 4, 4), r"x has no batch axis: give x\[None\]"), ((9, 2, 8), r"no channel axis: give x\[:, None\]")],
)
def test_a_missing_axis_is_named_with_what_adds_it(x, mend):
    net = nn.Sequential(nn.Conv2d(x[0] if x[0] == 3 else 1, 2, 1), nn.Flatten(), nn.Linear(32, 3))
    with pytest.raises(ValueError, match=mend):
        training.predict(net, torch.rand(x))
    with pytest.raises(ValueError, match=r"y is one label without an axis .* give x\[None\] and y\[None\]"):
        training.evaluate(net, torch.rand(x), torch.tensor(0))


def test_a_net_that_is_no_classifier_is_refused():
    x, y = problem()
    with pytest.raises(ValueError, match="returns shape 1×4×4×4, but a classifier returns one row of logits"):
        fit(nn.Sequential(nn.Conv2d(1, 4, 1)), x, y)


@pytest.mark.parametrize("steps_per_epoch", [5, 120])
def test_a_learning_rate_that_diverges_stops_the_run_and_says_where(tmp_path, steps_per_epoch):
    x, y = problem(60)
    path = tmp_path / "net.safetensors"
    recipe = Recipe(num_epochs=50, lr=1e30, batch_size=math.ceil(60 / steps_per_epoch), schedule="constant")
    if steps_per_epoch == 120:
        x, y = x.repeat(2, 1, 1, 1), y.repeat(2)
    with pytest.raises(FloatingPointError) as error:
        fit(small_net(), x, y, recipe, checkpoint=path)
    text = str(error.value)
    assert "epoch 1 of 50, step " in text
    assert f" of {steps_per_epoch}, at learning rate 1e+30" in text
    assert "try lr=1e+29" in text
    assert not path.exists()


def test_divergence_in_the_very_last_step_is_seen_too():
    x, y = problem(16)
    with pytest.raises(FloatingPointError, match="epoch 1 of 1, step 1 of 1"):
        fit(small_net(), -x * 1e30, y, Recipe(num_epochs=1, lr=1e38, batch_size=16))


def test_images_that_are_not_finite_are_said_to_be_the_cause():
    x, y = problem()
    x[3, 0, 1, 1] = math.nan
    with pytest.raises(FloatingPointError, match="The images themselves hold values that are not finite"):
        fit(small_net(), x, y)


# What a reader sees


def test_nothing_is_printed_where_nobody_watches(capfd):
    x, y = problem()
    fit(small_net(), x, y, plot=True)
    assert capfd.readouterr() == ("", "")


def test_the_progress_bar_counts_steps_and_clears_itself(capfd):
    x, y = problem()
    fit(small_net(), x, y, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert "/10 " in err
    assert err.endswith("\r")
    fit(small_net(), x, y, progress=False)
    assert capfd.readouterr() == ("", "")


def test_the_curve_gets_every_epoch_and_is_closed(monkeypatch):
    calls = []

    class Recorder:
        def __init__(self, *, xlabel, names):
            calls.append((xlabel, tuple(names)))

        def add(self, name, x, y):
            calls.append((name, x, y))

        def close(self):
            calls.append("closed")

    from coursecode import plotting

    monkeypatch.setattr(plotting, "LiveCurve", Recorder)
    x, y = problem()
    history = fit(small_net(), x, y, test_x=x, test_y=y, plot=True)
    assert calls[0] == ("epoch", ("train loss", "train accuracy", "test accuracy"))
    assert ("train loss", 1, history.train_loss[0]) in calls
    assert ("test accuracy", 2, history.test_accuracy[1]) in calls
    assert calls[-1] == "closed"
    calls.clear()
    with pytest.raises(FloatingPointError):
        fit(small_net(), x, y, replace(QUICK, lr=1e30), plot=True)
    assert calls == [("epoch", ("train loss", "train accuracy")), "closed"]


def test_the_import_is_light():
    code = (
        "import sys, torch; torchs = set(sys.modules); import coursecode.training; "
        "new = {m.split('.')[0] for m in set(sys.modules) - torchs}; "
        "print(sorted(new & {'tqdm', 'safetensors', 'IPython', 'pandas', 'pooch', 'torchvision', 'sklearn'}))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("[]\n", "")


def test_training_does_not_load_torchs_compiler():
    """It takes seconds, which is why the step is our own and not ``torch.optim``'s."""
    code = (
        "import sys, torch; from torch import nn; from coursecode import training; "
        "x, y = torch.rand(4, 2), torch.zeros(4).long(); "
        "training.fit(nn.Linear(2, 2), x, y, training.Recipe(num_epochs=1, lr=0.1, batch_size=2), device='cpu'); "
        "print('torch._dynamo' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (result.stdout, result.stderr) == ("False\n", "")


# Checkpoints


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


def fit_until(epochs: int, *args: torch.Tensor, **options: object) -> None:
    """A run that stops, as if it were interrupted, once it has written that many checkpoints."""
    save, written = checkpoint.save, []

    def saving(*args):
        save(*args)
        written.append(1)
        if len(written) == epochs:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", saving)
        with pytest.raises(KeyboardInterrupt):
            fit(*args, **options)


@pytest.mark.parametrize("epochs", [1, 4, 6])
def test_a_resumed_run_ends_with_the_same_bits(path, epochs):
    x, y = problem()
    tx, ty = problem(20, seed=1)
    recipe, options = replace(QUICK, num_epochs=6, seed=4, weight_decay=0.01), {"test_x": tx, "test_y": ty}
    whole = small_net(dropout=0.3)
    expected = fit(whole, x, y, recipe, **options)
    fit_until(epochs, small_net(dropout=0.3), x, y, recipe, checkpoint=path, **options)
    net = small_net(99, dropout=0.3)
    history = fit(net, x, y, recipe, checkpoint=path, resume=True, **options)
    assert bits(net) == bits(whole)
    for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        assert getattr(history, name) == getattr(expected, name)


def test_resume_without_a_checkpoint_starts_and_without_resume_starts_over(path):
    x, y = problem()
    nets = [small_net() for _ in range(3)]
    fit(nets[0], x, y)
    fit(nets[1], x, y, checkpoint=path, resume=True)
    fit(nets[2], x, y, checkpoint=path)
    assert bits(nets[0]) == bits(nets[1]) == bits(nets[2])


def test_the_checkpoint_says_what_it_is(path):
    x, y = problem()
    net = small_net()
    history = fit(net, x, y, checkpoint=path)
    with safe_open(path, framework="pt") as file:
        notes = {key: json.loads(value) for key, value in file.metadata().items()}
        assert torch.equal(file.get_tensor("net.conv.weight"), net.conv.weight)
        assert {"velocity.conv.weight", "velocity.dense.bias", "random.cpu"} <= set(file.keys())
    assert notes["history"]["train_loss"] == history.train_loss
    assert notes["recipe"]["lr"] == 0.05
    assert any("(conv): Conv2d(1, 4" in line for line in notes["net"])
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_crash_while_writing_leaves_the_last_complete_checkpoint(path, monkeypatch):
    x, y = problem()
    recipe = replace(QUICK, num_epochs=4)
    whole = small_net()
    fit(whole, x, y, recipe)
    fit_until(2, small_net(), x, y, recipe, checkpoint=path)
    content = path.read_bytes()

    def pull_the_plug(*args):
        raise KeyboardInterrupt

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint.os, call, pull_the_plug)
            with pytest.raises(KeyboardInterrupt):
                fit(small_net(), x, y, recipe, checkpoint=path, resume=True)
        assert path.read_bytes() == content
    path.with_name(path.name + ".part").write_bytes(content[:100])
    net = small_net(7)
    fit(net, x, y, recipe, checkpoint=path, resume=True)
    assert bits(net) == bits(whole)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.999])
def test_a_truncated_checkpoint_is_named_and_left_alone(path, share):
    x, y = problem()
    fit(small_net(), x, y, checkpoint=path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    net = small_net(3)
    before = bits(net)
    with pytest.raises(ValueError, match=r"net.safetensors is not a complete checkpoint .*delete this one"):
        fit(net, x, y, checkpoint=path, resume=True)
    assert bits(net) == before


def test_a_file_of_another_kind_is_no_checkpoint(path):
    from safetensors.torch import save_file

    x, y = problem()
    save_file({"net.conv.weight": torch.zeros(4, 1, 3, 3)}, path)
    with pytest.raises(ValueError, match="not a complete checkpoint"):
        fit(small_net(), x, y, checkpoint=path, resume=True)
    path.unlink()
    path.mkdir()
    with pytest.raises(ValueError, match="not a complete checkpoint"):
        fit(small_net(), x, y, checkpoint=path, resume=True)


def test_a_checkpoint_of_another_architecture_is_refused_even_with_equal_shapes(path):
    x, y = torch.rand(32, 1, 28, 28), torch.arange(32) % 10
    fit(lenet.lenet_classic(), x, y, checkpoint=path)
    net = lenet.lenet_modern()
    before = bits(net)
    with pytest.raises(ValueError, match=r"another architecture: it has `\(act1\): Sigmoid\(\)` where .*ReLU\(\)`"):
        fit(net, x, y, checkpoint=path, resume=True)
    assert bits(net) == before
    with pytest.raises(ValueError, match="another architecture"):
        fit(lenet.mlp(), x, y, checkpoint=path, resume=True)


def test_a_checkpoint_of_another_run_is_refused_with_the_difference(path):
    x, y = problem()
    fit(small_net(), x, y, checkpoint=path)
    for change, message in (
        ({"lr": 0.06}, "lr was 0.05, is 0.06"),
        ({"num_epochs": 5}, "num_epochs was 2, is 5"),
        ({"seed": 1}, "seed was 0, is 1"),
    ):
        with pytest.raises(ValueError, match=rf"belongs to another run: {message}\. An exact resume"):
            fit(small_net(), x, y, replace(QUICK, **change), checkpoint=path, resume=True)
    with pytest.raises(ValueError, match="belongs to another run: test_images was 0, is 70"):
        fit(small_net(), x, y, test_x=x, test_y=y, checkpoint=path, resume=True)
    with pytest.raises(ValueError, match="belongs to another run: labels was"):
        fit(small_net(), x, y.flip(0), checkpoint=path, resume=True)
    with pytest.raises(ValueError, match="belongs to another run: pixels was"):
        fit(small_net(), 1 - x, y, checkpoint=path, resume=True)


def test_a_checkpoint_of_other_test_images_is_refused(path):
    x, y = problem()
    fit(small_net(), x, y, test_x=x, test_y=y, checkpoint=path)
    for test_x, test_y, what in ((1 - x, y, "test_pixels"), (x, y.flip(0), "test_labels")):
        with pytest.raises(ValueError, match=f"belongs to another run: {what} was"):
            fit(small_net(), x, y, test_x=test_x, test_y=test_y, checkpoint=path, resume=True)


@pytest.mark.parametrize("frozen", ["conv", "dense"])
def test_a_checkpoint_with_another_part_frozen_is_refused(path, frozen):
    x, y = problem()
    part, whole = small_net(), small_net()
    getattr(part, frozen).requires_grad_(False)
    for first, second in ((part, whole), (whole, part)):
        fit(first, x, y, checkpoint=path)
        before = bits(second)
        with pytest.raises(ValueError, match=r"belongs to another run: trained parameters was .*weight.*, is .*weight"):
            fit(second, x, y, checkpoint=path, resume=True)
        assert bits(second) == before
    resumed = small_net()
    getattr(resumed, frozen).requires_grad_(False)
    fit(part, x, y, checkpoint=path)
    fit(resumed, x, y, checkpoint=path, resume=True)
    assert bits(resumed) == bits(part)


def test_a_checkpoint_with_a_single_bit_changed_is_refused(path):
    x, y = problem()
    fit(small_net(), x, y, checkpoint=path)
    content = path.read_bytes()
    with safe_open(path, framework="pt") as file:
        history = file.metadata()["history"].encode()[20:30]
    header = 8 + int.from_bytes(content[:8], "little")
    for at in (header, header + (len(content) - header) // 2, len(content) - 1, content.index(history)):
        altered = bytearray(content)
        altered[at] ^= 1
        path.write_bytes(altered)
        net = small_net(3)
        before = bits(net)
        with pytest.raises(ValueError, match=r"not a complete checkpoint .*truncated, altered"):
            fit(net, x, y, checkpoint=path, resume=True)
        assert bits(net) == before


RUN = """
import sys, torch
from coursecode import lenet, training
torch.set_num_threads(1)
torch.manual_seed(0)
x, y = torch.rand(320, 1, 28, 28), torch.arange(320) % 10
net = lenet.lenet_modern()
recipe = training.Recipe(num_epochs=40, lr=0.02, batch_size=32, seed=3)
training.fit(net, x, y, recipe, test_x=x[:50], test_y=y[:50], device="cpu", checkpoint=sys.argv[1], resume=True)
"""


def tensors(path: Path) -> dict[str, bytes]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).numpy().tobytes() for name in file.keys()}  # noqa: SIM118


def epochs_done(path: Path) -> int:
    if not path.exists():
        return 0
    with safe_open(path, framework="pt") as file:  # complete whenever one looks
        return len(json.loads(file.metadata()["history"])["train_loss"])


@pytest.mark.slow
def test_a_run_killed_twice_ends_like_an_uninterrupted_one(tmp_path):
    whole, killed = tmp_path / "whole.safetensors", tmp_path / "killed.safetensors"
    subprocess.run([sys.executable, "-c", RUN, str(whole)], check=True)
    for goal in (1, 20):
        process = subprocess.Popen([sys.executable, "-c", RUN, str(killed)])
        while epochs_done(killed) < goal:
            assert process.poll() is None, "the run ended before it could be killed"
            time.sleep(0.003)
        os.kill(process.pid, signals.SIGKILL)
        process.wait()
        assert goal <= epochs_done(killed) < 40
    subprocess.run([sys.executable, "-c", RUN, str(killed)], check=True)
    assert tensors(killed) == tensors(whole)


# Several processes


def train(processes: int, checkpoint: Path, *arguments: str) -> str:
    """The module's command line in one process, or under torchrun on loopback."""
    launcher = []
    if processes > 1:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        launcher = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}"]
        launcher += ["--master-addr=127.0.0.1", f"--master-port={port}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COURSECODE_DEVICE": "cpu"}
    command = [*launcher, "-m", "coursecode.training", *arguments, "--checkpoint", str(checkpoint)]
    result = subprocess.run([sys.executable, *command], capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [205, 3999])
def test_two_processes_reach_the_result_of_one_after_20_steps(tmp_path, batch_size):
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    # 205 is odd, so the shares differ; the 20th batch has 105 images. 3999 leaves one image to two processes.
    options = ("--epochs", "1", "--batch-size", str(batch_size), "--lr", "0.05", "--weight-decay", "1e-3")
    table_one, table_two = train(1, one, *options), train(2, two, *options)
    with safe_open(one, "pt") as a, safe_open(two, "pt") as b:
        assert set(a.keys()) == set(b.keys())
        for name in [name for name in a.keys() if name.startswith("net.")]:  # noqa: SIM118
            torch.testing.assert_close(a.get_tensor(name), b.get_tensor(name), rtol=0, atol=1e-5)
        single, double = (json.loads(f.metadata()["history"]) for f in (a, b))
    for name in ("train_loss", "test_loss"):
        assert single[name] == pytest.approx(double[name], abs=1e-5)
    for name in ("train_accuracy", "test_accuracy"):
        assert single[name] == pytest.approx(double[name], abs=2e-3)
    assert len(table_one.splitlines()) == len(table_two.splitlines()) == 2  # one process prints


# On real digits


def test_the_command_line_trains_and_prints_a_row_per_epoch(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSECODE_DEVICE", "cpu")
    main(["--net", "softmax_regression", "--epochs", "2", "--checkpoint", str(tmp_path / "c")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["epoch", "train", "loss"]
    assert [line.split()[0] for line in lines[1:]] == ["1", "2"]
    assert float(lines[-1].split()[4]) > 0.8


@pytest.mark.slow
@claim("S27")
def test_modern_lenet_reads_97_of_100_held_out_digits():
    device.deterministic()
    d = data.load("digits")
    moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]  # the margin of a digit is wider than a pixel
    more_x = torch.cat([d.train_x.roll(move, (2, 3)) for move in moves])
    training.seed_everything(0)
    net = lenet.lenet_modern()
    # the cell of the page asserts the same of its five epochs
    recipe = Recipe(num_epochs=3, lr=0.1, batch_size=64, weight_decay=1e-3, nesterov=True)
    fit(net, more_x, d.train_y.repeat(5), recipe)
    assert training.evaluate(net, d.test_x, d.test_y).accuracy >= 0.97
