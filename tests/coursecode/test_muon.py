"""Muon in plain tensors: against the SVD, against torch's own SGD, and a net that keeps LeNet's shape."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers
from registry import equation
from torch import nn

from coursecode import data
from coursecode.lenet import lenet
from coursecode.muon import batches, logits, moved, muon_step, orthogonalised, train


def by_svd(G: torch.Tensor, steps: int) -> torch.Tensor:
    """The polynomial on the singular values alone, in float64."""
    U, S, Vt = torch.linalg.svd(G.double(), full_matrices=False)
    S = S / S.square().sum().sqrt()
    for _ in range(steps):
        S = 3.4445 * S - 4.7750 * S**3 + 2.0315 * S**5
    return U @ torch.diag(S) @ Vt


@equation("eq-newton-schulz")
@given(n=integers(1, 9), m=integers(1, 9), steps=integers(0, 6), seed=integers(0, 99))
def test_newton_and_schulz_change_the_singular_values_and_nothing_else(n, m, steps, seed):
    G = torch.randn(n, m, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(orthogonalised(G, steps=steps).double(), by_svd(G, steps), atol=2e-4, rtol=2e-3)


def test_after_five_steps_the_singular_values_lie_near_one():
    G = torch.randn(84, 120, generator=torch.Generator().manual_seed(0))
    before, after = torch.linalg.svdvals(G), torch.linalg.svdvals(orthogonalised(G))
    assert before.max() / before.min() > 5
    assert after.min() > 0.6
    assert after.max() < 1.3


def test_the_scale_of_the_gradient_does_not_matter():
    G = torch.randn(16, 150, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(orthogonalised(1000 * G), orthogonalised(G))


def small() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Conv2d(1, 3, 2), nn.Flatten(), nn.Linear(27, 5), nn.Linear(5, 4))


def run(net: nn.Module, step) -> dict[str, torch.Tensor]:
    """Four steps on fixed images."""
    generator = torch.Generator().manual_seed(5)
    for _ in range(4):
        net.zero_grad()
        x, y = torch.randn(6, 1, 4, 4, generator=generator), torch.randint(4, (6,), generator=generator)
        nn.functional.cross_entropy(net(x), y).backward()
        step([p.grad for p in net.parameters()])
    return {name: value.detach().clone() for name, value in net.named_parameters()}


def test_a_step_is_the_slow_one():
    """Biases and the last matrix by torch's SGD, the others number by number with the SVD."""
    net = small()
    velocity = [torch.zeros_like(p) for p in net.parameters()]
    found = run(net, lambda gradients: muon_step(net, gradients, velocity, lr=0.03, sgd_lr=0.2, momentum=0.9, steps=5))

    net = small()
    plain = {name: p for name, p in net.named_parameters() if p.dim() == 1 or name == "3.weight"}
    sgd = torch.optim.SGD(plain.values(), lr=0.2, momentum=0.9, nesterov=True)
    memory: dict[str, list[float]] = {}

    def slow(_: list[torch.Tensor]) -> None:
        sgd.step()
        for name, p in net.named_parameters():
            if name in plain:
                continue
            gradient = p.grad.flatten().tolist()
            old = memory.get(name, [0.0] * len(gradient))
            memory[name] = [0.9 * v + g for v, g in zip(old, gradient, strict=True)]
            ahead = [g + 0.9 * v for g, v in zip(gradient, memory[name], strict=True)]
            matrix = by_svd(torch.tensor(ahead, dtype=torch.float64).reshape(len(p), -1), 5)
            n, m = matrix.shape
            with torch.no_grad():
                p -= 0.03 * max(1, math.sqrt(n / m)) * matrix.reshape(p.shape).float()

    for name, value in run(net, slow).items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-3, msg=lambda m, name=name: f"{name}: {m}")


def test_without_a_rate_for_matrices_a_step_is_plain_sgd():
    net = small()
    velocity = [torch.zeros_like(p) for p in net.parameters()]
    found = run(net, lambda gradients: muon_step(net, gradients, velocity, lr=0.0, sgd_lr=0.2, momentum=0.9, steps=5))
    net = small()
    sgd = torch.optim.SGD(net.parameters(), lr=0.2, momentum=0.9, nesterov=True)
    for name, value in run(net, lambda _: sgd.step()).items():
        torch.testing.assert_close(found[name], value)


@pytest.mark.parametrize("parts", [(nn.SiLU, nn.AvgPool2d), (nn.ReLU, nn.MaxPool2d), (nn.Tanh, nn.AvgPool2d)])
def test_the_quick_way_through_the_net_is_the_net(parts):
    torch.manual_seed(0)
    net, x = lenet(activation=parts[0], pool=parts[1]), torch.randn(5, 1, 28, 28)
    torch.testing.assert_close(logits(net, x), net(x))
    gradients = [
        torch.autograd.grad(way(x).square().sum(), list(net.parameters())) for way in (net, lambda x: logits(net, x))
    ]
    for quick, plain in zip(*gradients, strict=True):
        torch.testing.assert_close(quick, plain, atol=1e-4, rtol=1e-4)


def test_a_moved_image_is_one_of_the_nine_shifts_mirrored_or_not():
    torch.manual_seed(0)
    x, mirror = torch.rand(300, 1, 6, 5), torch.rand(300) < 0.5
    seen = set()
    for before, after, flipped in zip(x, moved(x, shift=1, mirror=mirror), mirror, strict=True):
        source = before.flip(2) if flipped else before
        padded = nn.functional.pad(source, (1, 1, 1, 1), value=float(x.min()))
        places = [(i, j) for i in range(3) for j in range(3) if torch.equal(padded[:, i : i + 6, j : j + 5], after)]
        assert len(places) == 1
        seen |= set(places)
    assert len(seen) == 9


def test_every_image_comes_once_an_epoch_and_mirrored_every_second_time():
    x = torch.arange(40.0)[:, None, None, None] * 10 + torch.arange(2.0)  # (40, 1, 1, 2): its number, then its sides
    stream = batches(x, torch.arange(40), size=8, flip=True, shift=0)
    torch.manual_seed(0)
    epochs = [[next(stream) for _ in range(5)] for _ in range(2)]
    left = []
    for epoch in epochs:
        images, labels = (torch.cat(parts) for parts in zip(*epoch, strict=True))
        assert labels.sort().values.tolist() == list(range(40))
        order = labels.argsort()
        assert torch.equal(images[order].amin(dim=(1, 2, 3)), 10 * torch.arange(40.0))
        left.append(images[order][:, 0, 0, 0] % 10 == 1)
    assert torch.equal(left[0], ~left[1])
    assert 5 < int(left[0].sum()) < 35


@pytest.mark.slow
def test_a_run_gives_lenet_the_same_bits_twice_and_leaves_the_callers_randomness():
    digits = data.load("digits")
    x, y = digits.train_x[:512].float() / 255, digits.train_y[:512]
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    nets = [train(x, y, seed=seed, epochs=2, batch_size=64) for seed in (1, 1, 2)]
    assert torch.equal(torch.rand(3), expected)
    first, again, other = (torch.cat([p.flatten() for p in net.parameters()]) for net in nets)
    assert len(first) == 61_706
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert [str(layer) for layer in nets[0]] == [str(layer) for layer in lenet(activation=nn.SiLU, pool=nn.AvgPool2d)]


@pytest.mark.slow
def test_it_learns_faster_than_sgd_from_the_same_start():
    digits = data.load("digits")
    x, y = digits.train_x[:1024].float() / 255, digits.train_y[:1024]
    loss = {}
    for lr in (0.05, 0.0):
        net = train(x, y, seed=0, epochs=2, batch_size=64, lr=lr, flip=False, shift=0, smoothing=0.0)
        with torch.inference_mode():
            loss[lr] = float(nn.functional.cross_entropy(net(x), y))
    assert loss[0.05] < 0.7 * loss[0.0]
