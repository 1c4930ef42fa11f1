"""The rules that studies keep: who may look at which images, how a rate is found, when an arm has finished, what may
be said; and every stored study keeps them, with its sceptic."""

from __future__ import annotations

import doctest
import json
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from coursecode.experiments import Result, protocol, record, report, reruns, stored
from coursecode.experiments.depth import _ONCE
from coursecode.experiments.design import _AS_IT_IS, _MAXIMUM, _REBUILT
from coursecode.experiments.protocol import (
    FOLDS,
    RERUNS,
    Protocol,
    Sentence,
    best_rate,
    chosen_rates,
    draw,
    keeps,
    next_rate,
    problems,
    train,
    verdict,
)
from coursecode.experiments.record import Effect, student_t
from coursecode.experiments.runner import EXPERIMENTS, Plan, Task, carry_out, doubt, execute, plan_of
from coursecode.experiments.transfer import _LEARNED, _SCRATCH

STUDIES = [name for name in EXPERIMENTS if plan_of(name).protocol is not None]


def ids(images: torch.Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def words(**changes: Any) -> Protocol:
    stated = {"question": "?", "varied": "nets", "held": "images", "confounders": "none", "smallest": 0.01}
    return Protocol(**{**stated, "sentences": [SENTENCE], "tuning_seeds": (7,), "sceptic_seeds": 2, **changes})


SENTENCE = Sentence("b against a", lambda r: r.effect(value="test_accuracy", of="net", high="b", low="a"), "more")


def measured(*, net: str, seed: int, lr: float, images: int, steps: int, best: float = 0.03) -> dict[str, Any]:
    """A net that is best at one rate and gains nothing after ten updates."""
    off = abs(torch.tensor(lr / best).log10().item())
    accuracy = 0.9 - 0.1 * off - 0.3 / max(steps, 1) + (0.05 if net == "b" else 0.0) + 0.001 * (seed % 3)
    return {"valid_accuracy": accuracy, "test_accuracy": accuracy - 0.01}


def plan(measure: Any = measured, *, steps: int = 100, **changes: Any) -> Plan:
    jobs: list[dict[str, Any]] = [{"net": "a"}, {"net": "b"}]
    return Plan(jobs, range(4), {"steps": steps}, measure, words(**changes))


# -- images -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [0, 1])
def test_no_image_that_chooses_is_tested_on_and_ten_seeds_test_on_all_others(images: int) -> None:
    for first in (0, 100):
        deals = [draw(seed, images=images) for seed in range(first, first + FOLDS)]
        tested = [ids(deal.test_x) for deal in deals]
        assert sum(map(len, tested)) == len(set().union(*tested)) == 4000
        for deal, test in zip(deals, tested, strict=True):
            assert torch.equal(deal.valid_x, deals[0].valid_x)
            assert not test & ids(deal.valid_x)
            assert not ids(deal.train_x) & (test | ids(deal.valid_x))
            assert len(deal.train_x) == 3600


def test_another_seed_another_ten_and_another_deal_have_other_images() -> None:
    one = draw(3, train=50)
    assert ids(one.train_x) != ids(draw(4, train=50).train_x)
    assert ids(one.test_x) != ids(draw(103, train=50).test_x)
    assert ids(one.valid_x) != ids(draw(3, train=50, images=1).valid_x)
    assert ids(one.train_x) == ids(draw(3, train=50).train_x)


def test_labels_stay_with_their_images() -> None:
    deal = draw(5, train=200)
    again = draw(5)
    label = {image.numpy().tobytes(): int(y) for image, y in zip(again.train_x, again.train_y, strict=True)}
    assert [label[image.numpy().tobytes()] for image in deal.train_x] == deal.train_y.tolist()
    assert sorted(set(deal.test_y.tolist())) == list(range(10))


def test_any_images_are_dealt_as_the_digits_are() -> None:
    x = torch.arange(50)
    deals = [protocol.deal(x, 2 * x, seed, validation=20, train=9) for seed in range(FOLDS)]
    assert sorted(torch.cat([found.test_x for found in deals]).tolist() + deals[0].valid_x.tolist()) == x.tolist()
    for found in deals:
        assert torch.equal(found.train_y, 2 * found.train_x)
        assert not set(found.train_x.tolist()) & {*found.test_x.tolist(), *found.valid_x.tolist()}
        assert len(found.train_x) == 9


def test_more_images_than_there_are_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match=r"train is 3601, but there are 3600"):
        draw(0, train=3601)


def test_a_rate_that_bursts_measures_nothing_and_a_good_one_learns() -> None:
    deal = draw(0, train=100)
    nets = [nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.ReLU(), nn.Linear(20, 10)) for _ in range(2)]
    found = [
        train(net, deal, lr=lr, steps=50, batch_size=20, seed=0) for net, lr in zip(nets, (1e30, 0.1), strict=True)
    ]
    assert found[0] == {"train_accuracy": 0.0, "valid_accuracy": 0.0, "test_accuracy": 0.0}
    assert min(found[1].values()) > 0.4


# -- choosing -----------------------------------------------------------------------------------------------------


def row(lr: float, accuracy: float) -> dict[str, Any]:
    return {"lr": lr, "valid_accuracy": accuracy}


def test_the_search_goes_on_until_the_best_rate_lies_between_two_others() -> None:
    rows = [row(0.01, 0.9), row(0.03, 0.91), row(0.1, 0.95)]
    assert best_rate(rows) == (0.1, False)
    assert next_rate(rows) == 0.32
    assert next_rate([*rows, row(0.32, 0.92)]) is None
    assert next_rate([row(0.01, 0.95), row(0.03, 0.9), row(0.1, 0.8)]) == 0.0032


def test_every_arm_ends_with_its_own_rate_found_on_validation_images() -> None:
    def of_its_own(**job: Any) -> dict[str, Any]:
        return measured(**job, best=0.4 if job["net"] == "b" else 0.003)

    result = execute("try", plan(of_its_own))
    assert [(row["net"], row["lr"]) for row in chosen_rates(result)] == [("a", 0.0032), ("b", 0.32)]
    assert {(row["net"], row["lr"]) for row in result.rows} == {("a", 0.0032), ("b", 0.32)}
    assert all(not key.startswith("test") for row in result.tuning for key in row)
    assert problems(result) == []
    assert result.protocol["comparisons"] == 1


def test_a_rate_at_the_edge_and_an_unfinished_arm_are_marked() -> None:
    always_more = execute("try", plan(lambda **job: measured(**job, best=1e9)))
    assert len([p for p in problems(always_more) if "the last one tried" in p]) == 2
    unfinished = execute("try", plan(steps=8))
    assert [p for p in problems(unfinished) if "not finished, twice the updates gain 1.9 points" in p]


def test_a_study_without_validation_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no valid_accuracy.*never on test images"):
        execute("try", plan(lambda **job: {"test_accuracy": 0.5}))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"confounders": " "}, "confounders says nothing"),
        ({"smallest": 0}, "smallest effect worth naming"),
        ({"rates": (0.1, 0.3)}, "three or more"),
        ({"rates": (0.1, 0.03, 0.3)}, "rising"),
    ],
)
def test_a_plan_that_leaves_something_out_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        words(**change)


# -- judging ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        ((0.02, 0.005, 0.035), "more"),
        ((-0.02, -0.035, -0.005), "less"),
        ((0.0, -0.009, 0.009), "same"),
        ((0.02, -0.001, 0.041), "open"),
        ((0.009, 0.001, 0.017), "open"),  # certain, and smaller than what is worth naming
    ],
)
def test_a_verdict_needs_an_interval_and_a_size(effect: tuple[float, float, float], expected: str) -> None:
    assert verdict(Effect(*effect), smallest=0.01) == expected


def test_more_comparisons_make_wider_intervals() -> None:
    values = [0.1, 0.2, 0.3, 0.4]
    one, five = record.interval(values), record.interval(values, comparisons=5)
    assert one.mean == five.mean
    assert five.high - five.low == pytest.approx((one.high - one.low) * student_t(3, 0.99) / student_t(3, 0.95))


@pytest.mark.parametrize(
    ("freedom", "confidence", "expected"),
    [(1, 0.95, 12.706), (3, 0.99, 5.841), (9, 0.95, 2.262), (30, 0.95, 2.042), (200, 0.95, 1.972)],
)
def test_students_t_is_the_tables(freedom: int, confidence: float, expected: float) -> None:
    assert student_t(freedom, confidence) == pytest.approx(expected, abs=6e-4)


def test_the_sceptic_changes_one_thing_at_a_time_and_sees_a_sentence_turn() -> None:
    asked: list[dict[str, Any]] = []

    def noting(**job: Any) -> dict[str, Any]:
        asked.append(job)
        return measured(**job)

    study = plan(noting)
    result = execute("try", study)
    asked.clear()
    again = doubt(result, study)
    assert len(again.rows) == len(RERUNS) * 2 * 2
    per = [{key: {job[key] for job in asked[4 * i : 4 * i + 4]} for key in asked[0]} for i in range(len(RERUNS))]
    assert [part["seed"] for part in per] == [{100, 101}, {0, 1}, {0, 1}, {0, 1}]
    assert [part["steps"] for part in per] == [{100}, {200}, {100}, {100}]
    assert [part["lr"] for part in per] == [{0.03}, {0.03}, {0.015}, {0.03}]
    assert [part["images"] for part in per] == [{0}, {0}, {0}, {1}]
    effects = {name: SENTENCE.effect(again.where(rerun=name)) for name in RERUNS}
    assert all(keeps(SENTENCE, effect, 0.01) for effect in effects.values())
    assert not keeps(SENTENCE._replace(says="less"), effects["other seeds"], 0.01)
    assert not keeps(SENTENCE._replace(says="same"), effects["other seeds"], 0.01)


# -- the stored studies -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STUDIES)
def test_a_stored_study_says_what_its_plan_says_and_its_sentences_hold(name: str) -> None:
    result, study = stored(name), plan_of(name)
    rules = study.protocol
    assert rules is not None
    assert result.protocol == json.loads(json.dumps(rules.stated()))
    assert result.arms == [dict(job) for job in study.jobs]
    assert len(result.seeds) >= 5
    found = {s.text: verdict(s.effect(result), rules.smallest) for s in rules.sentences}
    assert found == {s.text: s.says for s in rules.sentences}


@pytest.mark.parametrize("name", STUDIES)
def test_no_sentence_turns_in_a_stored_re_run(name: str) -> None:
    again, rules = reruns(name), plan_of(name).protocol
    assert rules is not None
    for rerun in dict.fromkeys(again.column("rerun")):
        part = again.where(rerun=rerun)
        assert len(part.seeds) == rules.sceptic_seeds
        for sentence in rules.sentences:
            effect = sentence.effect(part)
            assert keeps(sentence, effect, rules.smallest), (rerun, sentence.text, effect)


def test_what_was_spent_is_in_the_records_and_two_cores_can_run_all_again_in_eight_hours() -> None:
    taken = report.spent()
    assert list(taken) == list(EXPERIMENTS)
    kept = "shuffled_pixels"
    assert taken[kept] == stored(kept).seconds + reruns(kept).seconds
    by_the_clock = stored("better_fashion")
    assert taken["better_fashion"] == sum(by_the_clock.column("cpu_seconds")) < by_the_clock.seconds
    assert taken["better_cost"] == stored("better_cost").seconds  # its rows hold the cost of more than was run
    assert sum(taken.values()) <= 2 * 8 * 3600


def test_where_no_rate_was_looked_for_half_the_rate_is_half_of_what_an_arm_names() -> None:
    asked: list[dict[str, Any]] = []

    def noting(**job: Any) -> dict[str, Any]:
        asked.append(job)
        return {"test_accuracy": 0.9}

    jobs: list[dict[str, Any]] = [{"net": "a", "lr": 0.1}, {"net": "b", "lr": 0.9}]
    study = Plan(jobs, range(2), {}, noting, words(rates=(), reruns=["other seeds", "half the rate"]))
    again = doubt(execute("try", study), study)
    assert [job["lr"] for job in asked[4:]] == [0.1, 0.9, 0.1, 0.9, 0.05, 0.45, 0.05, 0.45]
    assert [row["lr"] for row in again.rows] == [job["lr"] for job in asked[4:]]
    assert not any("steps" in job or "rerun" in job for job in asked)


def test_what_a_page_shows_marks_what_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    study = plan()
    result = execute("try", study)
    turned = doubt(result, plan(lambda **job: measured(**{**job, "net": "a" if job["net"] == "b" else "b"})))
    monkeypatch.setattr(report, "plan_of", lambda name: study)
    monkeypatch.setattr(report, "stored", lambda name: result)
    monkeypatch.setattr(report, "reruns", lambda name: turned)
    assert "-5.0 turned" in repr(report.sceptic("try"))
    assert "more" in repr(report.verdicts("try"))
    assert "*" not in repr(report.budgets("try"))
    assert report.marks("try") == []


def test_examples_in_docstrings_hold() -> None:
    assert Result.__doc__
    for module in (protocol, record):
        assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


# -- the sceptic, at reduced size ---------------------------------------------------------------------------------

QUICK = [  # a study, one of its sentences, the arms that it needs, and what is made smaller
    ("pretrain_then_finetune", 1, lambda job: job["per_class"] == 2 and job["way"] in (_LEARNED, _SCRATCH), {}),
    ("shuffled_pixels", 2, lambda job: job["net"] == "LeNet" and job["order"] != "blocks shuffled", {}),
    ("tolerance", 0, lambda job: job["maps"] == "edges", {}),
    ("tolerance", 2, lambda job: job["maps"] != "trained", {}),
    ("learn_the_convolution", 0, lambda job: job["inputs"] == "noise", {}),
    ("examples_needed", 1, lambda job: job["train"] == 400 and job["rung"] in ("dense", "local and shared"), {}),
    ("layer_by_layer", 2, lambda job: True, {"train": 500, "steps": 100, "shifts": [1]}),
    ("kernel_padding_stride", 0, lambda job: job["padding"] == "same" and job["stride"] == 2, {}),
    ("kernel_padding_stride", 4, lambda job: job["padding"] == "same" and job["kernel"] == 3, {}),
    ("how_wide", 0, lambda job: job["train"] == 200 and job["channels"] in (1, 6), {}),
    ("norm_and_plateau", 0, lambda job: job["hidden"] in ("sigmoid", _ONCE), {"train": 300, "steps": 400}),
    ("halve_and_double", 0, lambda job: job["rule"] in ("halve", "double"), {"steps": 250}),
    ("wide_input", 1, lambda job: job["net"] in (_MAXIMUM, _REBUILT) and job["data"] == _AS_IT_IS, {"chosen": 50}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "number", "needed", "smaller"), QUICK, ids=[f"{q[0]}-{q[1]}" for q in QUICK])
def test_seeds_that_nobody_used_do_not_turn_a_sentence(
    name: str, number: int, needed: Any, smaller: dict[str, Any]
) -> None:
    study, result = plan_of(name), stored(name)
    rules = study.protocol
    assert rules is not None
    chosen = chosen_rates(result) if rules.rates else []
    rates = {json.dumps(job): row["lr"] for job, row in zip(study.jobs, chosen, strict=bool(chosen))}
    rows = []
    for seed in (500, 501):
        for job in filter(needed, study.jobs):
            rate = {"lr": rates[json.dumps(job)]} if rates else {}
            rows += carry_out(study, Task(name, "full", seed, dict(job), {**job, **rate, **smaller, "images": 2}))[0]
    sentence = rules.sentences[number]
    assert sentence.says != "open"
    again = replace(result, rows=rows, seeds=[500, 501])
    assert keeps(sentence, sentence.effect(again), rules.smallest)
