"""How LeNet and the models beside it are trained: recipes by name."""

from __future__ import annotations

from torch import Tensor

from coursecode.data import normalise
from coursecode.training import Recipe

__all__ = ["RACE", "RACE_IMAGES", "RECIPES", "STANDARDISED", "standardised"]

RECIPES: dict[str, Recipe] = {
    # What the pages of Dive into Deep Learning use for LeNet: 1.0.3 in English, 2.0.0 in Chinese.
    "d2l": Recipe(num_epochs=10, lr=0.1, batch_size=128, momentum=0.0, schedule="constant"),
    "d2l-zh": Recipe(num_epochs=10, lr=0.9, batch_size=256, momentum=0.0, schedule="constant"),
    # What they use for softmax regression and the MLP.
    "d2l-dense": Recipe(num_epochs=10, lr=0.1, batch_size=256, momentum=0.0, schedule="constant"),
    "modern": Recipe(num_epochs=10, lr=0.1, batch_size=128, momentum=0.9, nesterov=True, weight_decay=5e-4),
}
STANDARDISED = ("modern",)  # these are given the images `standardised`

# For the least time to a stated accuracy: less than an epoch, and no look at the test images before its end.
RACE = Recipe(num_epochs=1, lr=0.05, batch_size=32, momentum=0.9, nesterov=True)
RACE_IMAGES = 10_000


def standardised(train_x: Tensor, test_x: Tensor) -> tuple[Tensor, Tensor]:
    """Both sets of uint8 images as floats, shifted and scaled so that the training pixels have mean 0 and std 1."""
    pixels = train_x.float() / 255
    mean, std = float(pixels.mean()), float(pixels.std())
    return normalise(train_x, mean=mean, std=std), normalise(test_x, mean=mean, std=std)
