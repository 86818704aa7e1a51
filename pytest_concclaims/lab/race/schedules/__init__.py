"""Schedules: the interleavings of actors, one after the other."""
