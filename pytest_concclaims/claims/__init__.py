"""The shipped suites, one sub-package for each: ``pytest_concclaims.claims.article``.

A wheel carries them in this folder. In a checkout they are the top-level folder ``claims``, which the
lines below make part of this package, so that a claim's module has one name in both and can be imported
by the processes that it starts.
"""

from __future__ import annotations

import os

_PROJECT = os.path.realpath(f"{__file__}/../../..")

if os.path.isfile(f"{_PROJECT}/claims/article/__init__.py") and os.path.isfile(f"{_PROJECT}/pyproject.toml"):
    __path__.append(f"{_PROJECT}/claims")
