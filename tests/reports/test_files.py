"""Reports are written whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from helpers.sample_records import CLAIM, record_of
from pytest_concclaims.reports.files import write_whole


def test_failing_write_leaves_the_old_record_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, the record cannot be encoded: what was there stays."""
    file = tmp_path / "run.json"
    write_whole(file, record_of(CLAIM).to_text())
    before = file.read_text(encoding="utf-8")

    def full(self: Path, target: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="no space left"):
            write_whole(file, record_of(CLAIM, CLAIM).to_text())
    with pytest.raises(ValueError, match="nan"):
        write_whole(file, record_of(replace(CLAIM, duration=float("nan"))).to_text())
    assert file.read_text(encoding="utf-8") == before
    assert list(tmp_path.iterdir()) == [file]
