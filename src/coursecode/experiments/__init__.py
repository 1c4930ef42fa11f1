"""The studies behind the book's answers and the benchmarks: each is measured many times, its result is stored here.

``stored("how_wide")`` and ``load("epoch")`` read a study and a benchmark. ``record`` is what they give, ``runner``
measures, every other module holds the plans of some studies; those of the benchmarks lie in the repository.
"""

from coursecode.experiments.record import Effect, Result, interval, load, mean_sd, measured, records, stored

__all__ = ["Effect", "Result", "interval", "load", "mean_sd", "measured", "records", "stored"]
