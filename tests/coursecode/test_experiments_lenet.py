"""The LeNet study at reduced size: the same code as the stored runs, and what its stored results must look like."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from coursecode import data, training
from coursecode.experiments import Result, stored
from coursecode.experiments.lenet_study import lenet_fashion, picture
from coursecode.experiments.recipes import RACE, RECIPES, STANDARDISED, standardised
from coursecode.experiments.runner import execute, plan_of, run


@pytest.fixture(scope="module")
def small() -> Result:
    return run("lenet_fashion", size="small", progress=False)


def runs(result: Result) -> list[dict]:
    return [row for row in result.rows if "accuracy" in row]


def test_every_net_is_trained_with_every_seed(small):
    assert [row["seed"] for row in runs(small)] == [0] * 7 + [1] * 7
    assert len([job for job in plan_of("lenet_mnist").jobs if job["net"] == "LeNet, classic"]) == 1  # one recipe
    assert len({(row["net"], row["recipe"]) for row in runs(small)}) == 7
    assert {row["parameters"] for row in runs(small) if "LeNet" in row["net"]} == {61_706}


def test_the_confusion_matrix_counts_every_test_image_once_and_agrees_with_the_accuracy(small):
    (row,) = small.select(net="LeNet, modern", seed=0)[:1]
    classes = [row for row in small.rows if "class" in row]
    matrix = torch.tensor([[row[f"as {j}"] for j in range(10)] for row in classes])
    assert matrix.sum() == 200
    assert matrix.diagonal().sum() / 200 == pytest.approx(row["accuracy"])


def test_the_worst_mistakes_are_mistakes_in_order(small):
    mistakes = [row for row in small.rows if "image" in row]
    losses = [row["loss"] for row in mistakes]
    digits = data.load("digits")
    assert len(mistakes) == 10
    assert losses == sorted(losses, reverse=True)
    assert all(row["is"] != row["taken for"] for row in mistakes)
    assert all(int(digits.test_y[row["image"]]) == row["is"] for row in mistakes)
    assert all(torch.equal(picture(row), digits.test_x[row["image"]]) for row in mistakes)


def test_the_same_seed_gives_the_same_numbers(small):
    plan = plan_of("lenet_fashion", "small")
    last = plan.jobs[-1]
    (again,) = execute("lenet_fashion", replace(plan, jobs=[last], seeds=[0])).rows
    (before,) = small.select(net=last["net"], recipe=last["recipe"], seed=0)
    clocks = {"seconds": 0, "cpu_seconds": 0}
    assert again | clocks == before | clocks


def test_standardised_training_pixels_have_mean_0_and_deviation_1():
    digits = data.load("digits")
    train, test = standardised(digits.train_x, digits.test_x)
    assert train.mean().abs() < 1e-4
    assert train.std() == pytest.approx(1, abs=1e-4)
    assert test.min() == train.min()


def test_every_recipe_is_what_fit_takes():
    digits = data.load("digits")
    for recipe in (*RECIPES.values(), RACE):
        net = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
        training.fit(net, digits.train_x[:64], digits.train_y[:64], replace(recipe, num_epochs=1))


def test_the_stored_runs_were_trained_by_the_recipes_of_now():
    epochs = lenet_fashion().settings["epochs"]
    for row in runs(stored("lenet_fashion")):
        told = {key: row[key] for key in ("lr", "batch_size", "momentum", "weight_decay", "nesterov", "schedule")}
        assert training.Recipe(num_epochs=epochs, **told) == RECIPES[row["recipe"]]
        assert row["standardise"] == (row["recipe"] in STANDARDISED)
