"""The experiment about pre-training, at reduced size, and its stored run."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers
from registry import claim

from coursecode.experiments import Result, stored, transfer
from coursecode.experiments.runner import run
from coursecode.lenet import lenet_modern

NAME = "pretrain_then_finetune"


@cache
def small() -> Result:
    return run(NAME, size="small")


def test_a_small_run_has_a_row_for_every_seed_count_and_start() -> None:
    result = small()
    found = [(row["seed"], row["per_class"], row["start"]) for row in result.rows]
    starts = ["scratch", "fine-tuned", "new head"]
    assert found == [(seed, count, start) for seed in (0, 1) for count in (1, 2) for start in starts]
    assert all(0 <= row["accuracy"] <= 1 for row in result.rows)


def test_the_same_seed_gives_the_same_numbers() -> None:
    assert run(NAME, size="small").rows == small().rows


def test_a_result_comes_back_from_its_file(tmp_path: Path) -> None:
    small().save(tmp_path / f"{NAME}.json")
    assert Result.load(tmp_path / f"{NAME}.json") == small()


def test_the_stored_run_is_the_full_run_of_this_code() -> None:
    result, plan = stored(NAME), transfer.pretrain_then_finetune()
    assert result.settings == json.loads(json.dumps(plan.settings))
    assert result.seeds == list(plan.seeds)
    assert len(result.seeds) >= 5
    assert set(result.rows[0]) == set(small().rows[0])
    assert list(dict.fromkeys(result.column("per_class"))) == plan.settings["per_class"]


def test_the_starts_differ_in_nothing_but_the_start() -> None:
    torch.manual_seed(0)
    learned, fresh = lenet_modern(num_classes=5), lenet_modern(num_classes=5).state_dict()
    nets = {start: transfer._start(start, learned, fresh) for start in transfer._STARTS}
    for name, value in learned.state_dict().items():
        of = {start: net.state_dict()[name] for start, net in nets.items()}
        assert torch.equal(of["scratch"], fresh[name])
        assert torch.equal(of["fine-tuned"], of["new head"])
        assert torch.equal(of["fine-tuned"], fresh[name] if name.startswith("dense3") else value)
    assert all(p.requires_grad for p in nets["fine-tuned"].parameters())
    trained = [name for name, p in nets["new head"].named_parameters() if p.requires_grad]
    assert trained == ["dense3.weight", "dense3.bias"]


def test_training_one_start_leaves_the_others_and_the_source_alone() -> None:
    torch.manual_seed(0)
    learned, fresh = lenet_modern(num_classes=5), lenet_modern(num_classes=5).state_dict()
    before = {name: value.clone() for name, value in (learned.state_dict() | fresh).items()}
    net = transfer._start("fine-tuned", learned, fresh)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(1)
    after = learned.state_dict() | fresh
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_only_keeps_a_range_of_digits_and_counts_from_zero() -> None:
    y = torch.tensor([0, 4, 5, 9, 7])
    x, labels = transfer._only(torch.arange(5), y, "5-9")
    assert x.tolist() == [2, 3, 4]
    assert labels.tolist() == [0, 4, 2]


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


@claim("S29")
def test_pre_training_helps_where_images_are_fewest() -> None:
    result = stored(NAME)
    assert result.effect(value="accuracy", of="start", high="fine-tuned", low="scratch", per_class=1).low > 0
