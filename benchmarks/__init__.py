"""Measurements of speed and memory: ``python -m benchmarks`` stores them as JSON in the package."""
