"""The studies behind the book's answers and the benchmarks: each is measured many times, its result is stored here.

``stored("shuffled_pixels")`` and ``load("epoch")`` read a study and a benchmark, ``reruns`` what a sceptic found.
``record`` is what they give, ``runner`` measures, ``protocol`` holds the rules of the studies, ``report`` what a page
shows of them; every other module holds the plans of some studies, and those of the benchmarks lie in the repository.
"""

from coursecode.experiments.record import (
    Effect,
    Result,
    interval,
    load,
    mean_sd,
    measured,
    records,
    reruns,
    stored,
)

__all__ = ["Effect", "Result", "interval", "load", "mean_sd", "measured", "records", "reruns", "stored"]
