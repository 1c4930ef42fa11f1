"""The study of *The same net, better* at reduced size, and what keeps its test images out of every choice."""

from __future__ import annotations

import pytest
import torch

from coursecode import data, muon
from coursecode.experiments import Result, better, record, records, stored
from coursecode.experiments.protocol import chosen_rates, deal
from coursecode.experiments.recipes import standardised
from coursecode.experiments.runner import run
from coursecode.lenet import lenet


@pytest.fixture(scope="module")
def fashion() -> Result:
    return run("better_fashion", size="small", progress=False)


def test_every_recipe_has_the_same_61706_parameters_and_every_seed(fashion):
    assert set(fashion.column("parameters")) == {61_706}
    assert fashion.column("seed", recipe="ours") == [0, 1]
    assert fashion.column("seed", recipe="ours, three epochs") == [0, 1]


def test_the_same_seed_gives_the_same_accuracy(fashion):
    again = run("better_fashion", size="small", progress=False)
    assert again.column("accuracy") == fashion.column("accuracy")


def test_a_split_is_the_same_every_time_and_has_no_image_twice():
    labels = torch.zeros(50, dtype=torch.int64)
    train, judge = better.split(labels, validation=20)
    assert len(judge) == 20
    assert sorted([*train.tolist(), *judge.tolist()]) == list(range(50))
    assert torch.equal(judge, better.split(labels, validation=20)[1])


def test_the_ablation_sees_no_test_image_and_trains_on_no_image_that_judges(monkeypatch):
    digits = data.load("digits")
    x, y = digits.train_x[:200], digits.train_y[:200]
    train, judge = better.split(y, validation=100)
    seen = []

    def watched(given: torch.Tensor, labels: torch.Tensor, **_: object) -> torch.nn.Module:
        seen.append(given)
        assert torch.equal(labels, y[train])
        return lenet()

    monkeypatch.setattr(muon, "train", watched)
    images = (x, y, None, None)  # None has no pixels: to use it is an error
    monkeypatch.setattr(better, "_load", lambda *_: images)
    found = run("better_ablation", size="small", progress=False)
    right, _ = standardised(x[train], x[judge])
    assert len(seen) == len(found.rows)
    assert all(torch.equal(given, right) for given in seen)


def test_one_thing_is_changed_at_a_time():
    plain, *rows = better.better_ablation().jobs
    assert plain["change"] == "nothing"
    for row in rows:
        changed = {key for key in row if row[key] != plain[key]} - {"change"}
        assert len(changed) == (2 if "rate" in str(row["change"]) else 1), row["change"]


def test_what_the_ablation_calls_nothing_is_the_recipe():
    """The defaults of ``muon.train``, but for the number of epochs."""
    import inspect

    defaults = {name: p.default for name, p in inspect.signature(muon.train).parameters.items()}
    parts = better._NETS[str(better._DEFAULTS["parts"])]
    assert {name: defaults[name] for name in better._DEFAULTS if name != "parts"} | parts == {
        **{name: value for name, value in better._DEFAULTS.items() if name != "parts"},
        **{name: defaults[name] for name in parts},
    }


def test_the_study_of_steps_reads_training_images_only_and_changes_one_argument_of_the_recipe(monkeypatch):
    digits = data.load("digits")
    given = digits.train_x[:200], digits.train_y[:200], None, None  # None has no pixels: to use it is an error
    monkeypatch.setattr(better, "_load", lambda *_: given)
    asked = []

    def watched(x: torch.Tensor, y: torch.Tensor, **options: object) -> torch.nn.Module:
        asked.append((x, y, options))
        return lenet()

    monkeypatch.setattr(muon, "train", watched)
    arguments = {**better.better_steps(size="small").settings, "lr": 0.5, "seed": 3, "images": 0}
    for step in better._STEPS:
        better._train_steps(step=step, **arguments)
    recipe, *others = (options for _, _, options in asked)
    dealt = deal(*given[:2], 3, validation=100, train=64)
    wanted, _ = standardised(dealt.train_x, dealt.valid_x)
    assert all(torch.equal(x, wanted) and torch.equal(y, dealt.train_y) for x, y, _ in asked)
    assert [{k: v for k, v in options.items() if recipe.get(k) != v} for options in others] == [
        {"lr": 0.0, "sgd_lr": 0.5},
        {"steps": 0},
        {"steps": 1},
    ]


def test_a_step_that_is_only_scaled_has_the_momentums_direction_and_length_one():
    G = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(muon.orthogonalised(G, steps=0), G / G.norm())


def test_a_cost_is_that_of_all_epochs():
    found = run("better_cost", size="small", progress=False)
    assert dict(zip(found.column("recipe"), found.column("epochs"), strict=True)) == {
        "today's, ten epochs": 10,
        "ours, three epochs": 3,
        "ours": muon.EPOCHS,
    }
    for row in found.rows:
        assert row["cpu_seconds"] == pytest.approx(row["epochs"] * row["epoch_seconds"], rel=1e-4)


def test_a_race_counts_who_reached_the_target():
    found = run("better_race", size="small", progress=False)
    assert [row["reached"] for row in found.rows] == [row["accuracy"] >= 0.804 for row in found.rows]


def test_a_record_table_is_read_by_the_name_of_its_data_set(tmp_path, monkeypatch):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    with pytest.raises(FileNotFoundError, match="DATA=mnist does"):
        records("mnist")
    rows = [{"recipe": "mine", "seed": 0, "accuracy": 0.5}]
    (tmp_path / "records").mkdir()
    Result("mnist", rows, [0], {}, {}, "here", 1, "2026-01-01").save(tmp_path / "records" / "mnist.json")
    assert records("mnist").column("accuracy") == [0.5]


@pytest.mark.slow
def test_another_seed_fewer_images_and_half_the_rate_keep_the_order_of_the_steps():
    best = {row["step"]: row["lr"] for row in chosen_rates(stored("better_steps"))}
    arguments = {**better.better_steps().settings, "train": 1_000, "steps": 100, "seed": 70, "images": 2}
    found = {step: better._train_steps(step=step, lr=0.5 * best[step], **arguments)["test_accuracy"] for step in best}
    assert found["five steps of Newton and Schulz"] > found["plain SGD"] + 0.01
