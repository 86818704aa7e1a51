"""``--claims-baseline``: the comparison with an earlier run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..records.comparison import Change, Comparison, compare
from ..records.reader import RecordError, read_record
from ..records.record import RunRecord
from ..reports.diff import comparison_lines, run_line
from ..reports.terminal import show_lines
from ..text import counted, harmless


class Baseline:
    """The baseline and, at the end, what changed since.

    :param path: of its record, as the command line has it.
    :param old: its record.
    """

    def __init__(self, config: pytest.Config, path: Path, old: RunRecord) -> None:
        self._config = config
        self._path = path
        self._old = old
        self._comparison: Comparison | None = None

    @classmethod
    def asked_for(cls, config: pytest.Config) -> Baseline | None:
        """Return the baseline of the command line, None without one.

        It is read at once, as the run may write its own record over it.

        :raises pytest.UsageError: it cannot be read.
        """
        path: Path | None = config.getoption("claims_baseline")
        if path is None:
            return None
        try:
            return cls(config, path, read_record(config.invocation_params.dir / path))
        except RecordError as error:
            raise pytest.UsageError(f"--claims-baseline {error}") from None

    @property
    def _strict(self) -> bool:
        return bool(self._config.getoption("claims_strict"))

    def compare(self, new: RunRecord) -> bool:
        """Compare with this run, and return whether that fails it.

        Claims that only the baseline has do not count: the run may be one of selected claims. A baseline that has
        none of the run's claims fails the run, as nothing was compared.
        """
        self._comparison = compare(self._old, new, selection=True)
        return self.failure is not None

    @property
    def failure(self) -> str | None:
        """Why the comparison fails the run, in a sentence or two; None if it does not."""
        if self._comparison is None:
            return None
        # A run without claims fails anyhow, and no other baseline would help.
        if self._comparison.new.claims and not self._comparison.compared:
            return (
                f"Nothing was compared with {self._path}, which has none of this run's claims: the run fails. Name "
                "a record of these claims, which --claims-report writes, or leave out --claims-baseline."
            )
        if not self._comparison.fails(strict=self._strict):
            return None
        turned = len(self._comparison.of(Change.TURNED))
        expected = sum(found.fails(strict=self._strict) for found in self._comparison.of(Change.EXPECTED_ANEW))
        changes = (Change.UNDECIDED, Change.DECIDED) if self._strict else ()
        decided = sum(len(self._comparison.of(change)) for change in changes)
        parts = [
            (turned, f"{counted(turned, 'claim')} turned"),
            (expected, f"{counted(expected, 'claim')} kept the verdict, which is unexpected now"),
            (decided, f"{counted(decided, 'claim')} lost or gained {'its' if decided == 1 else 'their'} verdict"),
        ]
        what = ", ".join(text for number, text in parts if number)
        return f"Compared with {self._path}, {what}: the run fails."

    def show(self, reporter: pytest.TerminalReporter) -> None:
        """Show what changed."""
        if self._comparison is None:
            return
        writer = self._config.get_terminal_writer()
        reporter.write_sep("=", f"compared with {harmless(str(self._path))}")
        reporter.write_line(harmless(f"then: {run_line(self._old)}"))
        lines = comparison_lines(
            self._comparison,
            width=writer.fullwidth,
            verbosity=self._config.get_verbosity(),
            strict=self._strict,
        )
        show_lines(writer, lines)
