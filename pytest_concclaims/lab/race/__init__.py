"""The race instrument."""
