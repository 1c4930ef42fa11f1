"""The study about pre-training: what each way takes over, what it freezes, and which images it may see."""

from __future__ import annotations

import doctest

import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers
from registry import claim

from coursecode.experiments import stored, transfer
from coursecode.experiments.protocol import draw
from coursecode.experiments.runner import plan_of
from coursecode.lenet import lenet_modern

NAME = "pretrain_then_finetune"


@pytest.mark.parametrize(("taken", "layer"), transfer._CUTS.items())
def test_the_two_parts_of_a_cut_net_are_the_net(taken: str, layer: str) -> None:
    torch.manual_seed(0)
    net = lenet_modern(num_classes=5).eval()
    x = torch.rand(3, 1, 28, 28)
    expected = net(x)
    front, back = transfer._cut(net, layer)
    assert next(iter(dict(back.named_children()))) == layer
    assert torch.equal(back(front(x)), expected)


def test_every_way_names_what_it_takes_over_and_what_it_freezes() -> None:
    names = [transfer.name_of(way) for way in transfer._WAYS]
    assert len(set(names)) == len(names) == 9
    assert {row["way"] for row in stored(NAME).rows} == set(names)


def test_a_few_images_of_five_digits_are_labelled_from_zero() -> None:
    deal = transfer._few(draw(0), 3, seed=0)
    assert deal.train_y.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]
    whole = draw(0)
    assert len(deal.test_y) == int((whole.test_y >= 5).sum())
    assert torch.equal(deal.valid_y, whole.valid_y[whole.valid_y >= 5] - 5)


def test_what_is_frozen_stays_and_only_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {**plan_of(NAME, "small").settings, "seed": 0, "lr": 0.03, "images": 0, "per_class": 2}
    net = lenet_modern(num_classes=5)
    learned = {name: value.clone() for name, value in net.state_dict().items()}
    monkeypatch.setattr(transfer, "_learned", lambda *_: learned)
    before = {name: value.clone() for name, value in learned.items()}
    counts = {}
    for way in (transfer._TUNED, transfer._HEAD, transfer._LEARNED, transfer._PIXELS):
        counts[way] = transfer._learn_from_few(way=way, **settings)["parameters"]
    assert list(counts.values()) == [61_706 - 85 * 5, 85 * 5, 401 * 5, 785 * 5]
    assert all(torch.equal(before[name], learned[name]) for name in before)


@claim("S29")
def test_a_frozen_convolution_is_a_better_start_and_a_frozen_net_a_worse_one() -> None:
    result = stored(NAME)
    where = {"value": "test_accuracy", "of": "way", "per_class": 10}
    assert result.effect(high=transfer._LEARNED, low=transfer._SCRATCH, **where).low > 0  # type: ignore[arg-type]
    assert result.effect(high=transfer._HEAD, low=transfer._SCRATCH, **where).high < 0  # type: ignore[arg-type]


@given(seed=integers(0, 99), few=integers(1, 3), more=integers(0, 3))
def test_a_smaller_choice_is_part_of_a_larger_one(seed: int, few: int, more: int) -> None:
    labels = torch.tensor([3, 5, 8]).repeat(6)
    small, large = (transfer.some_of_each(labels, n, seed=seed) for n in (few, few + more))
    assert set(small.tolist()) <= set(large.tolist())
    assert len(set(large.tolist())) == 3 * (few + more)
    assert labels[large].bincount(minlength=9).tolist() == [0, 0, 0, few + more, 0, few + more, 0, 0, few + more]


def test_more_images_than_a_class_has_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="per_class is 3, but class 1 has 2 images"):
        transfer.some_of_each(torch.tensor([0, 0, 0, 1, 1]), 3, seed=0)


def test_examples_in_docstrings_hold() -> None:
    assert doctest.testmod(transfer).failed == 0
