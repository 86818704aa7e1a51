"""The processes that experiments run in."""
