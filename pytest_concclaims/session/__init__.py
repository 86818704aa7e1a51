"""A run under ``--claims``: all that talks to pytest."""
