"""Settings for every test: one thread, reproducible examples, and a profile for the fast check."""

import os

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("full", derandomize=True, deadline=None, max_examples=100)
settings.register_profile("fast", derandomize=True, deadline=None, max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "full"))
