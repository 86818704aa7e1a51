"""The configuration of the documentation site: ``tox -e docs`` builds it."""

from __future__ import annotations

from importlib.metadata import version as installed_version

project = "pytest-concclaims"
author = "The pytest-concclaims developers"
project_copyright = author
release = installed_version("pytest-concclaims")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
# These are made by "concclaims matrix"; reference/article.md and reference/python_docs.md include them.
exclude_patterns = ["_build", "matrix.md", "python_docs.md"]
# Links such as race.md#controls lead to headings.
myst_heading_anchors = 3
suppress_warnings = [
    # The included table of verdicts begins with a heading of the second level, for comments on pull requests.
    "myst.header",
]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "pytest-concclaims"
html_copy_source = False

linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_anchors = False
# Placeholders for the reader's own project.
linkcheck_ignore = [r"https://OWNER\.", r"https://img\.shields\.io/endpoint\?"]
