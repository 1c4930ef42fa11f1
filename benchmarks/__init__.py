"""Measurements of speed and memory: ``python -m benchmarks`` stores them where the page *Honest numbers* reads them."""
