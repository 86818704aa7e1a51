"""Schedules: at which switch points which actor hands over."""
