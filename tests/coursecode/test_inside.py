"""The book's own trained net, and what the chapter *Looking inside* says of it, also beside other untrained nets."""

from __future__ import annotations

from functools import cache

import pytest
import torch
import torch.nn.functional as F
from registry import claim, equation
from torch import Tensor, nn

from coursecode.data import load, normalise
from coursecode.inside import occlusion, trained_lenet
from coursecode.lenet import lenet_modern
from coursecode.training import evaluate, predict
from tools.pictures import weights


@cache
def held_out() -> tuple[Tensor, Tensor]:
    digits = load("digits")
    return normalise(digits.test_x), digits.test_y


def test_the_net_is_that_of_the_figure() -> None:
    given = weights.read()
    found = nn.utils.parameters_to_vector(trained_lenet().parameters())
    assert torch.equal(found, given.values)
    assert evaluate(trained_lenet(), *held_out()).accuracy == pytest.approx(given.accuracy, abs=2e-3)


@equation("eq-occlusion")
def test_occlusion_is_the_fall_of_the_score_at_each_place() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(2 * 5 * 6, 3), nn.Tanh())
    X = torch.rand(2, 5, 6)
    found = occlusion(net, X, 1, size=3)
    assert found.shape == (3, 4)
    for i in range(3):
        for j in range(4):
            covered = X.clone()
            covered[:, i : i + 3, j : j + 3] = 0
            torch.testing.assert_close(found[i, j], (net(X[None]) - net(covered[None]))[0, 1].detach())


def test_where_there_is_nothing_to_cover_nothing_changes() -> None:
    X, y = held_out()
    found = occlusion(trained_lenet(), X[0], int(y[0]), size=5)
    empty = F.conv2d(X[:1], torch.ones(1, 1, 5, 5))[0, 0] == 0
    assert empty.any()
    assert found[empty].abs().max() < 1e-4


@claim("S38")
@pytest.mark.parametrize("seed", [7, 8])
def test_the_maps_of_other_untrained_nets_find_fewer_of_the_places_that_matter(seed: int) -> None:
    X, y = held_out()
    net = trained_lenet()
    torch.manual_seed(seed)
    other = lenet_modern().eval()
    some = torch.arange(0, 1000, 25)
    some = some[predict(net, X[some]).argmax(dim=1) == y[some]]
    lost = []
    for model in (net, other):
        covered = X[some].clone()
        for k, n in enumerate(some.tolist()):
            i, j = divmod(int(occlusion(model, X[n], int(y[n]), size=5).argmax()), 24)
            covered[k, :, i : i + 5, j : j + 5] = 0
        lost.append((predict(net, covered).argmax(dim=1) != y[some]).float().mean().item())
    assert lost[0] > lost[1] + 0.2


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="occlusion: X has shape 4×4"):
        occlusion(nn.Flatten(), torch.zeros(4, 4), 0, size=2)
    with pytest.raises(ValueError, match="occlusion: size is 0"):
        occlusion(nn.Flatten(), torch.zeros(1, 4, 4), 0, size=0)
