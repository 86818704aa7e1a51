"""The parallelism instrument."""
