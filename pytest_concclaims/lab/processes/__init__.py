"""The processes in which experiments run."""
