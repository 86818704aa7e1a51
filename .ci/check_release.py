"""Check what is about to be released: ``python .ci/check_release.py v1.2.3``, with the distributions in ``dist/``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "pytest_concclaims"


def problems(tag: str, root: Path = ROOT) -> list[str]:
    """Return what keeps a tag from being released, one sentence each; nothing if all is right.

    :param tag: such as ``v1.2.3``.
    :param root: the folder of the checkout.
    """
    found = []
    settings = (root / "pyproject.toml").read_text(encoding="utf-8")
    version = re.findall('^version = "(.+)"$', settings, re.MULTILINE)[0]
    if tag != f"v{version}":
        found.append(f"the tag is {tag}, and pyproject.toml has {version}; tag v{version}, or set the version")
    built = sorted(path.name for path in (root / "dist").glob("*"))
    expected = [f"{PACKAGE}-{version}-py3-none-any.whl", f"{PACKAGE}-{version}.tar.gz"]
    if built != expected:
        found.append(f"dist/ has {built}, and not {expected}; run tox -e dist")
    titles = re.findall(r"^## (\S+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if version not in titles or "Unreleased" in titles:
        found.append(f"CHANGELOG.md has the sections {titles}; run towncrier build --version {version}")
    fragments = sorted(path.name for path in (root / "changelog.d").glob("*.*.md"))
    if fragments:
        found.append(f"changelog.d/ still has {fragments}; run towncrier build --version {version}")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(problems(*sys.argv[1:])) or None)
