"""On a device that is not the CPU the helpers compute there, mix nothing, and give the CPU's values (no GPU needed)."""

from __future__ import annotations

import pretend
import pytest
import torch

from coursecode import channels, correlation, dense, device, pooling
from coursecode.data import load
from coursecode.lenet import lenet_modern
from coursecode.training import Recipe, evaluate, fit, predict, seed_everything

X, K = torch.arange(30.0).reshape(5, 6), torch.tensor([[1.0, -1.0], [0.5, 2.0]])
X3, K4 = torch.arange(75.0).reshape(3, 5, 5), torch.arange(54.0).reshape(2, 3, 3, 3)
CASES = {
    "corr2d": (lambda X, K: correlation.corr2d(X, K), X, K),
    "correlate": (lambda X, K: correlation.correlate(X[None], K), X3, K4),
    "corr2d_multi_in_out": (channels.corr2d_multi_in_out, X3, K4),
    "pool2d": (lambda X, _: pooling.pool2d(X, 2, "avg"), X, K),
    "max_pool": (lambda X, _: pooling.max_pool(X[None], 2), X3, K),
    "reindex": (lambda W, _: dense.reindex(W), torch.arange(36.0).reshape(2, 3, 2, 3), K),
}


@pytest.mark.parametrize("case", CASES)
def test_a_helper_computes_where_its_input_is_and_gives_the_same_values(case):
    helper, first, second = CASES[case]
    expected = helper(first, second)
    with pretend.pretended() as place:
        found = helper(first.to(place), second.to(place))
        assert found.device == place
        assert torch.equal(found.cpu(), expected)


def test_mixing_devices_is_an_error_as_on_cuda():
    with pretend.pretended() as place, pytest.raises(RuntimeError, match="same device"):
        X.to(place) + X


def test_training_on_another_device_gives_the_same_net_and_its_users_need_not_know(monkeypatch):
    digits = load("digits")
    x, y = digits.train_x[:48], digits.train_y[:48]
    recipe = Recipe(num_epochs=1, lr=0.1, batch_size=16, seed=3)
    seed_everything(1)
    here = lenet_modern()
    seed_everything(1)
    there = lenet_modern()
    expected = fit(here, x, y, recipe, device="cpu")
    with pretend.pretended() as place:
        monkeypatch.setattr(device, "pick", lambda: place)
        found = fit(there, x, y, recipe)
        assert next(there.parameters()).device == place
        assert found.train_loss == pytest.approx(expected.train_loss, rel=1e-5)
        assert evaluate(there, x, y).loss == pytest.approx(evaluate(here, x, y).loss, rel=1e-4)
        logits = predict(there, x)
    assert logits.device.type == "cpu"
    torch.testing.assert_close(logits, predict(here, x), rtol=1e-3, atol=1e-4)
