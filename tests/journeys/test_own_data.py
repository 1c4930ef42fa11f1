"""The reader with data of their own: a phone's photo of a digit, an own net, an own batch, an own dtype.

Each step is right, or ends in one sentence that names the argument and what to write instead; what the sentence says is
then done, and is right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from coursecode.correlation import KERNELS, corr2d, correlate
from coursecode.data import Dataset, load, normalise, photo, prepare_digit
from coursecode.geometry import count_macs, summary
from coursecode.training import Recipe, evaluate, fit, predict, seed_everything


class OwnNet(nn.Module):
    """Written as readers write: layers as attributes, functions between them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, padding=2)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.dense = nn.Linear(16 * 5 * 5, 10)

    def forward(self, X: Tensor) -> Tensor:
        X = F.max_pool2d(torch.relu(self.conv1(X)), 2)
        X = F.max_pool2d(torch.relu(self.conv2(X)), 2)
        return self.dense(X.flatten(1))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


@pytest.fixture(scope="module")
def net(digits: Dataset) -> OwnNet:
    seed_everything(0)
    net = OwnNet()
    history = fit(net, digits.train_x, digits.train_y, Recipe(num_epochs=3, lr=0.1, batch_size=64), device="cpu")
    assert history.train_accuracy[-1] > 0.95
    return net


def photographed(digit: Tensor, folder: Path, *, seed: int, upright: bool, pencil: bool) -> Path:
    """A phone's photo: white paper, a digit off the middle and a little turned, a shadow, the sensor's grain."""
    height, width, side = 1600, 1200, 420
    big = F.interpolate(digit[None] / 255, size=(side, side), mode="bilinear")
    turn = math.radians((-8, 0, 8)[seed % 3])
    rows = [[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0]]
    grid = F.affine_grid(torch.tensor([rows]), [1, 1, side, side], align_corners=False)
    ink = torch.zeros(height, width)
    ink[130 : 130 + side, 660 : 660 + side] = F.grid_sample(big, grid, align_corners=False)[0, 0]
    light = 230 * torch.linspace(1, 0.6, height)[:, None] * torch.linspace(0.75, 1, width)
    grey = light * (1 - (0.35 if pencil else 0.75) * ink)
    noise = torch.randn(height, width, 3, generator=torch.Generator().manual_seed(seed))
    pixels = (torch.stack([grey, 0.97 * grey, 0.9 * grey], dim=-1) + 6 * noise).clamp(0, 255).to(torch.uint8)
    picture, note = Image.fromarray(pixels.numpy()), Image.Exif()
    if not upright:  # as phones do: the sensor's rows as they are, and a note which side is up
        picture, note[0x0112] = picture.transpose(Image.Transpose.ROTATE_90), 6
    path = folder / f"digit {seed}.jpg"
    picture.save(path, quality=90, exif=note)
    return path


@pytest.mark.parametrize(("upright", "pencil"), [(True, False), (False, True)])
def test_photos_of_digits_are_read(net: OwnNet, digits: Dataset, tmp_path: Path, upright: bool, pencil: bool) -> None:
    paths = [
        photographed(digits.test_x[i], tmp_path, seed=i, upright=upright, pencil=pencil) for i in range(10)
    ]  # none of them was trained on
    answers = [predict(net, prepare_digit(path)).argmax().item() for path in paths]
    right = sum(answer == truth for answer, truth in zip(answers, digits.test_y[:10].tolist(), strict=True))
    assert right >= 8, answers


def test_own_images_become_a_batch_that_is_evaluated(net: OwnNet, digits: Dataset, tmp_path: Path) -> None:
    paths = [photographed(digits.test_x[i], tmp_path, seed=i, upright=True, pencil=False) for i in range(4)]
    batch = torch.cat([prepare_digit(path) for path in paths])
    assert (batch.shape, batch.dtype) == ((4, 1, 28, 28), torch.uint8)
    assert evaluate(net, batch, digits.test_y[:4]).accuracy >= 0.75


# -- a sentence, and what it says to do --------------------------------------------------------------------------------


def mended(call: Callable[[], object], says: str, mend: str) -> None:
    """The call is refused in a sentence that holds ``mend``, the very text that a reader then types."""
    with pytest.raises((TypeError, ValueError), match=says) as refused:
        call()
    assert mend in str(refused.value)
    assert "\n" not in str(refused.value)


def test_one_image_without_a_batch_axis(net: OwnNet, digits: Dataset) -> None:
    x, K = digits.test_x[0], torch.ones(1, 1, 3, 3)
    mended(lambda: predict(net, x), r"^predict: .*x has no batch axis", "x[None]")
    assert torch.equal(predict(net, x[None]), predict(net, digits.test_x[:1]))
    X = normalise(x)
    mended(lambda: correlate(X, K), r"^correlate: X has shape 1×28×28 and W 1×1×3×3, so X has no batch axis", "X[None]")
    assert torch.equal(correlate(X[None], K), F.conv2d(X[None], K))
    mended(lambda: evaluate(net, x, digits.test_y[0]), r"^evaluate: y is one label without an axis", "x[None]")
    assert evaluate(net, x[None], digits.test_y[0][None]).accuracy in (0.0, 1.0)


def test_images_without_a_channel_axis(digits: Dataset) -> None:
    x, y = digits.train_x[:64, 0], digits.train_y[:64]
    recipe = Recipe(num_epochs=1, lr=0.01, batch_size=32)
    mended(
        lambda: fit(OwnNet(), x, y, recipe, device="cpu"), r"^fit: .*train_x has no channel axis", "train_x[:, None]"
    )
    assert len(fit(OwnNet(), x[:, None], y, recipe, device="cpu").train_loss) == 1


def test_a_photo_in_uint8_under_a_kernel() -> None:
    X, K = photo()[0], KERNELS["sobel-x"]
    mended(lambda: corr2d(X, K), "^corr2d: X is uint8, in which sums of products wrap around", "X.float()")
    mended(lambda: corr2d(X, K.to(torch.uint8)), "^corr2d: X is uint8", "X.float()")
    mended(lambda: corr2d(X.float(), K.to(torch.uint8)), "^corr2d: K is uint8", "K.float()")
    Y = corr2d(X.float(), K)
    assert torch.equal(Y, F.conv2d(X[None, None].float(), K[None, None])[0, 0])
    assert (Y.min(), Y.max()) == (-938, 952)


def test_pixels_in_int64_are_asked_what_they_are(net: OwnNet, digits: Dataset) -> None:
    x, y = digits.test_x[:50], digits.test_y[:50]
    mended(lambda: evaluate(net, x.long(), y), "^evaluate: x is int64", "x.to(torch.uint8)")
    assert evaluate(net, x.long().to(torch.uint8), y) == evaluate(net, x, y)


def test_floats_of_0_to_255_are_warned_of_with_the_mend(net: OwnNet, digits: Dataset) -> None:
    x, y = digits.test_x[:50], digits.test_y[:50]
    with pytest.warns(UserWarning, match=re.escape("Give normalise(x) of coursecode.data")):
        evaluate(net, x.float(), y)
    assert evaluate(net, normalise(x.float()), y).accuracy == evaluate(net, x, y).accuracy
    mended(lambda: normalise(normalise(x)), "^normalise: x lies in 0…1 already", "give pixels of 0…255")


def test_the_bill_of_an_own_net_is_right(net: OwnNet) -> None:
    macs = 8 * 25 * 28 * 28 + 16 * 8 * 25 * 10 * 10 + 400 * 10
    assert count_macs(net, torch.zeros(2, 1, 28, 28)) == 2 * macs
    rows = summary(net, (1, 28, 28))
    assert [row.name for row in rows] == ["conv1", "conv2", "dense"]
    assert sum(row.macs for row in rows) == macs
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in net.parameters())
    assert count_macs(nn.ConvTranspose2d(3, 8, 4, stride=2), torch.zeros(1, 3, 8, 8)) == 24_576


def test_images_of_another_size_name_the_layer(net: OwnNet) -> None:
    with pytest.raises(ValueError, match=r"size 1×32×32 \(x\): its layer dense, Linear.*, was given 576"):
        predict(net, torch.zeros(3, 1, 32, 32))


def test_own_nets_of_all_kinds_are_diagnosed(digits: Dataset) -> None:
    x, y = digits.train_x[:65], digits.train_y[:65]
    recipe = Recipe(num_epochs=1, lr=0.01, batch_size=64)
    dense = [nn.Flatten(), nn.Linear(784, 10)]
    normed = nn.Sequential(*dense, nn.BatchNorm1d(10))
    mended(lambda: fit(normed, x, y, recipe, device="cpu"), r"single image \(65 = 1 × 64 \+ 1\)", "another batch_size")
    fit(normed, x, y, replace(recipe, batch_size=33), device="cpu")
    lazy = nn.Sequential(nn.Flatten(), nn.LazyLinear(10))
    mended(lambda: fit(lazy, x, y, recipe, device="cpu"), "has no sizes yet", "net(x)")
    lazy(normalise(x))
    fit(lazy, x, y, recipe, device="cpu")
    frozen = nn.Sequential(*dense).requires_grad_(False)
    mended(lambda: fit(frozen, x, y, recipe, device="cpu"), "no parameter to train", "requires_grad_(True)")
    frozen.requires_grad_(True)
    fit(frozen, x, y, recipe, device="cpu")
    mended(lambda: replace(recipe, lr="0.1"), "^Recipe: lr must be a number, not '0.1'", "lr")
    mended(lambda: fit(nn.Sequential(*dense), x, y, recipe, device="gpu"), "device is 'gpu'", "'cuda'")
    with pytest.warns(UserWarning, match=r"seems to end in a softmax.*Leave the net's out"):
        fit(nn.Sequential(*dense, nn.Softmax(1)), x, y, recipe, device="cpu")
