"""Schedules: which actor runs, and at which switch points it is preempted."""
