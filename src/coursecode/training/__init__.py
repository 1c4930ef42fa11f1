"""Shared by all chapters: train a classifier, measure it, and go on exactly where a killed run stopped.

    recipe = Recipe(num_epochs=15, lr=0.1, batch_size=64)      # how to train; replace(recipe, lr=0.2) gives another
    history = fit(net, train_x, train_y, recipe)               # the loop itself is in loop.py
    evaluate(net, test_x, test_y).accuracy

``python -m coursecode.training --help`` trains LeNet from the command line; under ``torchrun`` it trains
the same model with several processes.
"""

from coursecode.training.history import History
from coursecode.training.loop import fit
from coursecode.training.measures import Metrics, evaluate, predict
from coursecode.training.randomness import seed_everything
from coursecode.training.recipe import Recipe

__all__ = ["History", "Metrics", "Recipe", "evaluate", "fit", "predict", "seed_everything"]
