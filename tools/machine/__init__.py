"""What the tools stand on: environment, system, network, pins, and what is stale."""
