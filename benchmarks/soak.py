"""How often verdicts are wrong: it runs claims repeatedly, under chosen conditions, and counts.

    python benchmarks/soak.py --python .venv/bin/python --runs 100 --condition alone --condition hogs:2 \
        --select article --keyword parents_current_value --output soak.jsonl

It needs an environment with the plugin; so does each ``--python``, which may be another one. A run is one ``python -m
pytest --claims``. Run 1 under each condition on each interpreter comes first, then run 2, so that a soak that was
interrupted is balanced. With the same ``--output``, it continues. ``--help`` has the options.

As after ``pytest --claims``, ``--select`` names parts of shipped suites, or paths of the project in the working
directory. If it names suites only, the runs are in an empty folder, where no project's settings apply; otherwise, and
without it, they are in the working directory. The runs do not inherit variables named ``PYTEST_...``, except that of
the machine lock.

Conditions:

- ``alone``: nothing beside the run;
- ``hogs:K``: K processes that burn CPU time without a pause, from before the run until after it;
- ``random-hogs:K``: K processes that burn and sleep in turns, each time for a random while (exponential, with a mean
  of 0.2 s), so that they start and stop during measurements. The times depend on ``--seed`` and the run's number
  only; they are the same on every interpreter;
- ``one-core``: pytest, and all that it starts, may use one CPU only, which changes from run to run;
- ``workers:K``: K workers of pytest-xdist (``-n K``) share the run's claims;
- ``at-once:K``: K runs at the same time, as of K users of one account. They count as one run with the claims of all;
  its exit status is the first one that was not 0.

A run must leave nothing behind. It has a ``TMPDIR`` of its own, and a mark in its environment, by which processes
that it started are found after pytest has ended. What still exists after some seconds, in which the helpers of
``multiprocessing`` end by themselves, is an error of the run: a process (which is then killed), a file in ``TMPDIR``
(pytest's own temporary folders are elsewhere), shared memory or a named semaphore. On platforms other than Linux,
only files are found. Shared memory has no mark: if another program of the same user makes some during the run, and
leaves it without a process that has it open, it is attributed to the run.

The output has one JSON object in a line for each run, appended when it has ended:

- ``condition``, ``interpreter`` (its label), ``python`` (the command), ``run`` (its number, from 1), ``started`` (ISO
  8601), ``seconds``, ``exit_status`` (of pytest; null: it was killed at the deadline; negative: a signal);
- ``version`` of the plugin, ``select``, ``keyword``, ``budget`` (null: the plugin's default), ``seed``;
- ``error``: why the run is not evidence (no run record, an incomplete one, a hog that ended, something left
  behind), or null;
- ``claims``: for each claim, its ``id``, ``verdict``, ``expected``, ``reason``, ``digest``, ``duration`` (seconds),
  and, if the verdict was wrong or ERROR, its ``evidence`` (else null), all as in docs/reference/run-record.md.

The table counts *wrong* verdicts: CONFIRMED or REFUTED, if the other one was expected. *Errors* are claims that ended
in ERROR, and runs with an ``error``. The exit status is 0 without wrong verdicts and errors, 1 with them, 2 if the
input is not usable, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from left_behind import Surroundings

try:
    from pytest_concclaims.lab.lock import LOCK_DIR
    from pytest_concclaims.records.evidence import from_json, summary_phrase
    from pytest_concclaims.statistics import clopper_pearson_upper
    from pytest_concclaims.verdict import Verdict
except ImportError as missing:
    print(f"soak: {sys.executable} has no pytest-concclaims ({missing}); start it with one that has", file=sys.stderr)
    sys.exit(2)

#: The confidence of the bounds in the table.
CONFIDENCE = 0.95
#: The mean of the seconds that a random hog burns, and of those that it sleeps.
HOG_MEAN_S = 0.2
#: Seconds to wait for an interpreter's answer, such as its version.
ANSWER_TIMEOUT_S = 300.0
#: Lines of pytest's output that are kept of a run without a record.
LAST_LINES = 20
INTERRUPTED = 130
HOG = "hog"  # with this first argument, this script is a hog

EXAMPLES = """
examples:
  two interpreters, one of them with its GIL off and on, alone and on a busy machine:
    python benchmarks/soak.py --python py313/bin/python --python PYTHON_GIL=0:py313t/bin/python \\
        --python PYTHON_GIL=1:py313t/bin/python --runs 50 --condition alone --condition random-hogs:2 \\
        --select article/test_3_2_lock.py --output lock.jsonl
  the same command again goes on where it was stopped; with a larger --runs, it adds the runs that lack
  the project's own claims, here, pinned to one CPU:
    python benchmarks/soak.py --python .venv/bin/python --runs 20 --condition one-core --select tests/test_cache.py
  what there is so far, claim by claim:
    python benchmarks/soak.py --report --by-claim --output lock.jsonl

exit status: 0 no wrong verdict and no error, 1 some, 2 bad input, 130 interrupted
"""


class SoakError(Exception):
    """The input is not usable; the text, in one line, says what to do."""


# --- the input


@dataclass(frozen=True)
class Condition:
    """What runs beside a run.

    :param kind: ``alone``, ``hogs``, ``random-hogs``, ``one-core``, ``workers`` or ``at-once``.
    :param number: of hogs, workers or runs.
    """

    kind: str
    number: int = 0

    def __str__(self) -> str:
        return f"{self.kind}:{self.number}" if self.number else self.kind

    @property
    def hogs(self) -> int:
        """The number of hogs beside a run."""
        return self.number if self.kind in ("hogs", "random-hogs") else 0

    @property
    def runs(self) -> int:
        """The number of runs at the same time."""
        return self.number if self.kind == "at-once" else 1


def parse_condition(text: str) -> Condition:
    """Return the condition that an option names.

    :raises SoakError: there is no such condition.
    """
    if text in ("alone", "one-core"):
        return Condition(text)
    found = re.fullmatch(r"(hogs|random-hogs|workers|at-once):([1-9][0-9]{0,3})", text)
    if found is None:
        raise SoakError(
            f"--condition {text}: no such condition; give alone, one-core, or one with a number: hogs:2, "
            "random-hogs:2, workers:2, at-once:2"
        )
    return Condition(found[1], int(found[2]))


@dataclass(frozen=True)
class Python:
    """An interpreter and its environment.

    :param path: of the executable.
    :param environment: variables to set for it, with their values.
    """

    path: str
    environment: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return "".join(f"{name}={value}:" for name, value in self.environment) + self.path


def parse_python(text: str) -> Python:
    """Return the interpreter that an option names: a path, after any number of ``NAME=VALUE:``."""
    environment = []
    found = re.match(r"([A-Za-z_]\w*)=([^:]*):", text)
    while found is not None:
        environment.append((found[1], found[2]))
        text = text[found.end() :]
        found = re.match(r"([A-Za-z_]\w*)=([^:]*):", text)
    return Python(text, tuple(environment))


@dataclass(frozen=True)
class Selection:
    """Which claims run, and for how long.

    :param select: the arguments after ``pytest --claims``.
    :param keyword: the value of ``-k``.
    :param budget: seconds for each experiment; None: the plugin's default.
    """

    select: tuple[str, ...] = ()
    keyword: str | None = None
    budget: float | None = None

    def __str__(self) -> str:
        return " ".join(self.options())

    def options(self) -> list[str]:
        """Return the arguments of pytest."""
        options = ["--claims", *self.select]
        if self.keyword is not None:
            options += ["-k", self.keyword]
        if self.budget is not None:
            options += ["--claims-budget", str(self.budget)]
        return options

    def is_of_project(self, folder: Path) -> bool:
        """Return whether claims of the project in a folder are included, and not of shipped suites only."""
        return not self.select or any((folder / name.split("::")[0]).exists() for name in self.select)


@dataclass(frozen=True)
class Subject:
    """An interpreter that can run claims.

    :param label: its name in run records, such as ``CPython 3.13t, GIL off``.
    :param version: of its pytest-concclaims.
    """

    python: Python
    label: str
    version: str


@dataclass(frozen=True)
class Job:
    """A run to do; ``number`` counts those of its subject under its condition, from 1."""

    number: int
    condition: Condition
    subject: Subject


# --- the results


@dataclass(frozen=True)
class Claim:
    """A claim in one run; the fields are those of the run record."""

    id: str
    verdict: Verdict
    expected: Verdict
    reason: str | None
    digest: str
    duration: float
    evidence: list[dict[str, Any]] | None

    @property
    def wrong(self) -> bool:
        """Whether its verdict is CONFIRMED or REFUTED, and the other one was expected."""
        return self.verdict.reached and self.verdict is not self.expected

    @property
    def loud(self) -> bool:
        """Whether it is wrong or an ERROR."""
        return self.wrong or self.verdict is Verdict.ERROR

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Claim:
        """Return a claim from the fields of :meth:`to_json` or of a run record.

        :raises ValueError: a verdict is unknown.
        :raises KeyError: a field is missing.
        """
        fields = {name: data[name] for name in cls.__dataclass_fields__}
        verdicts = {name: Verdict(fields[name]) for name in ("verdict", "expected")}
        return cls(**{**fields, **verdicts})

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON's types; only wrong claims and errors have their evidence."""
        fields = {**asdict(self), "verdict": self.verdict.value, "expected": self.expected.value}
        return fields if self.loud else {**fields, "evidence": None}

    def seen(self) -> str:
        """Return the reason, or else the evidence in a phrase, in one line."""
        text = self.reason if self.reason and not self.wrong else None
        if text is None:
            try:
                text = summary_phrase([from_json(item) for item in self.evidence or ()])
            except (KeyError, TypeError):  # evidence of a kind that this version of the plugin does not have
                text = ""
        return " ".join(text.split()) or "its evidence is in the output"


@dataclass(frozen=True)
class Run:
    """One run: a line of the output; see the module's docstring."""

    condition: str
    interpreter: str
    python: str
    run: int
    started: str
    seconds: float
    exit_status: int | None
    version: str
    select: tuple[str, ...]
    keyword: str | None
    budget: float | None
    seed: int
    error: str | None
    claims: tuple[Claim, ...]

    @property
    def selection(self) -> Selection:
        """The selection of the run."""
        return Selection(self.select, self.keyword, self.budget)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Run:
        """Return the run from the fields of :meth:`to_json`.

        :raises ValueError: a value is invalid.
        :raises KeyError: a field is missing.
        :raises TypeError: it is not a JSON object, or has an unknown field.
        """
        claims = tuple(Claim.from_json(claim) for claim in data["claims"])
        return cls(**{**data, "select": tuple(data["select"]), "claims": claims})

    def to_json(self) -> dict[str, Any]:
        """Return the run as JSON's types."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**fields, "select": list(self.select), "claims": [claim.to_json() for claim in self.claims]}


def read_runs(content: bytes, name: str = "the output") -> tuple[list[Run], int]:
    """Return the runs in an output file, and how many of its bytes hold them.

    The remaining bytes are the beginning of a line that was not written completely.

    :param name: of the file, for the error.
    :raises SoakError: a complete line is damaged.
    """
    runs = []
    size = 0
    for number, line in enumerate(content.splitlines(keepends=True), 1):
        try:
            runs.append(Run.from_json(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError):
            # The beginning of a JSON object is never valid JSON, so a valid line is a complete one.
            if not line.endswith(b"\n") and not _is_json(line):
                return runs, size
            raise SoakError(
                f"{name}, line {number}: this is not a run of a soak; remove the line, or give another --output"
            ) from None
        size += len(line)
    return runs, size


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def remaining(
    done: Iterable[Run], conditions: Sequence[Condition], subjects: Sequence[Subject], runs: int
) -> list[Job]:
    """Return the jobs that remain, those with the lowest numbers first.

    :param done: the runs so far, those with an error included.
    :param runs: the number of runs under each condition on each subject.
    """
    count: dict[tuple[str, str, str], int] = {}
    for run in done:
        key = (run.condition, run.python, run.interpreter)
        count[key] = count.get(key, 0) + 1
    return [
        Job(number, condition, subject)
        for number in range(1, runs + 1)
        for condition in conditions
        for subject in subjects
        if number > count.get((str(condition), str(subject.python), subject.label), 0)
    ]


# --- the table


@dataclass(frozen=True)
class Tally:
    """Counts over several runs.

    :param asked: claims in all runs, except those that are NOT APPLICABLE.
    :param verdicts: claims that ended CONFIRMED or REFUTED.
    :param errors: claims that ended in ERROR, and runs that are no evidence.
    """

    runs: int = 0
    asked: int = 0
    verdicts: int = 0
    wrong: int = 0
    inconclusive: int = 0
    errors: int = 0
    not_applicable: int = 0

    @property
    def bound(self) -> float | None:
        """The upper bound of the rate of wrong verdicts among ``asked`` (one-sided); None if that is 0."""
        return clopper_pearson_upper(self.wrong, self.asked, CONFIDENCE) if self.asked else None


def tally(runs: Sequence[Run], claim: str | None = None) -> Tally:
    """Return the counts over runs.

    :param claim: the id of a claim to count, in the runs that have it; None: all claims.
    """
    if claim is not None:
        runs = [run for run in runs if any(item.id == claim for item in run.claims)]
    claims = [item for run in runs for item in run.claims if claim in (None, item.id)]
    verdicts = [item.verdict for item in claims]
    not_applicable = verdicts.count(Verdict.NOT_APPLICABLE)
    return Tally(
        runs=len(runs),
        asked=len(claims) - not_applicable,
        verdicts=sum(verdict.reached for verdict in verdicts),
        wrong=sum(item.wrong for item in claims),
        inconclusive=verdicts.count(Verdict.INCONCLUSIVE),
        errors=verdicts.count(Verdict.ERROR) + sum(run.error is not None for run in runs if claim is None),
        not_applicable=not_applicable,
    )


@dataclass(frozen=True)
class Row:
    """A row of the table; ``claim`` is the id of its claim, None if it is about all."""

    condition: str
    interpreter: str
    claim: str | None
    tally: Tally


def build_table(runs: Sequence[Run], *, by_claim: bool = False) -> list[Row]:
    """Return a row for each condition and interpreter, in the order of their first runs, and the total last.

    :param by_claim: whether a row for each claim follows.
    """
    pythons: dict[str, set[str]] = {}
    groups: dict[tuple[str, str, str], list[Run]] = {}
    for run in runs:
        pythons.setdefault(run.interpreter, set()).add(run.python)
        groups.setdefault((run.condition, run.interpreter, run.python), []).append(run)
    rows = []
    for (condition, label, python), group in groups.items():
        name = label if len(pythons[label]) == 1 else f"{label} ({python})"
        rows.append(Row(condition, name, None, tally(group)))
        if by_claim:
            claims = dict.fromkeys(claim.id for run in group for claim in run.claims)
            rows += [Row(condition, name, claim, tally(group, claim)) for claim in claims]
    return [*rows, Row("total", "", None, tally(runs))]


def format_table(rows: Sequence[Row]) -> str:
    """Return the rows as text in columns."""
    heads = ("condition", "interpreter", "runs", "verdicts", "wrong", "inconclusive", "errors", "not applicable")
    cells = [[*heads, f"wrong at most ({CONFIDENCE:.0%})"], *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*cells)]
    lines = []
    for line in cells:
        words = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths))
        ]
        lines.append("  ".join(words).rstrip())
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    counts = row.tally
    share = f" ({counts.inconclusive / counts.asked:.1%})" if counts.inconclusive else ""
    return [
        row.condition if row.claim is None else "",
        row.interpreter if row.claim is None else f"  {row.claim}",
        f"{counts.runs:,}",
        f"{counts.verdicts:,}",
        f"{counts.wrong:,}",
        f"{counts.inconclusive:,}{share}",
        f"{counts.errors:,}",
        f"{counts.not_applicable:,}",
        "-" if counts.bound is None else f"{100 * counts.bound:.3g}%",
    ]


EXPLANATION = f"""
Wrong at most: the {CONFIDENCE:.0%} upper bound (one-sided, Clopper-Pearson) of the rate of wrong verdicts, among all
claims in all runs except those that are not applicable. It assumes that the verdicts of its row go wrong
independently of each other, from run to run and from claim to claim, and all at the same rate. A burst of load that
lasts longer than a run violates this assumption, and so does a claim that is worse than the rest. --by-claim prints a
bound for each claim, which only assumes that the runs are independent. The bounds hold for this machine and these
conditions."""


def format_report(runs: Sequence[Run], *, by_claim: bool = False) -> str:
    """Return the table, an explanation of its bound, and notes about the runs."""
    return "\n".join([format_table(build_table(runs, by_claim=by_claim)), EXPLANATION, *notices(runs)])


def notices(runs: Sequence[Run]) -> list[str]:
    """Return notes about what changed between the runs, so that they are not one experiment."""
    found = []
    versions = sorted({run.version for run in runs})
    if len(versions) > 1:
        found.append(f"NOTE: the runs are of several versions of pytest-concclaims: {', '.join(versions)}.")
    digests: dict[str, set[str]] = {}
    for run in runs:
        for claim in run.claims:
            digests.setdefault(claim.id, set()).add(claim.digest)
    changed = sorted(name for name, seen in digests.items() if len(seen) > 1)
    if changed:
        found.append(f"NOTE: claims were changed between the runs (they have several digests): {', '.join(changed)}.")
    return found


def exit_status(runs: Sequence[Run]) -> int:
    """Return 1 if there was a wrong verdict or an error, else 0."""
    total = tally(runs)
    return 1 if total.wrong or total.errors else 0


def progress(run: Run, so_far: Sequence[Run], left: int) -> list[str]:
    """Return the lines about a run: one, and another one for each thing that was wrong.

    :param so_far: all runs, this one last.
    :param left: the number of runs that remain.
    """
    counts = tally(so_far)
    head = (
        f"[{left} left] run {run.run}, {run.condition}, {run.interpreter}: {run.seconds:.1f} s; so far "
        f"{counts.verdicts:,} verdicts, {counts.wrong:,} wrong, {counts.inconclusive:,} inconclusive, "
        f"{counts.errors:,} errors"
    )
    lines = [head]
    for claim in run.claims:
        if claim.wrong:
            words = f"{claim.verdict.word}, expected {claim.expected.word}"
            lines.append(f"  WRONG {claim.id}: {words}: {claim.seen()}")
        elif claim.loud:
            lines.append(f"  ERROR {claim.id}: {claim.seen()}")
    if run.error is not None:
        lines += [f"  ERROR {line}" for line in run.error.splitlines()]
    return lines


# --- hogs


@contextmanager
def hogs_beside(condition: Condition, seed: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run the condition's hogs during the block.

    :param seed: of their random times.
    :raises SoakError: a hog does not start.
    """
    hogs: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(condition.hogs):
            command = [sys.executable, str(Path(__file__).resolve()), HOG]
            if condition.kind == "random-hogs":
                command.append(f"{seed}/{number}")
            # In a session of its own, it gets no Ctrl-C; it ends when this process, or the kernel, closes its stdin.
            hogs.append(
                subprocess.Popen(  # noqa: S603  (this script)
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, start_new_session=True
                )
            )
        for hog in hogs:
            assert hog.stdout is not None, "a pipe was asked for"
            if hog.stdout.read(1) != b".":
                raise SoakError(f"a hog did not start ({sys.executable}); its output above says why")
        yield hogs
    finally:
        for hog in hogs:
            hog.kill()
        for hog in hogs:
            hog.communicate()


def be_hog(seed: str | None) -> NoReturn:
    """Burn CPU time until the parent closes stdin, or ends.

    :param seed: of the random times to burn and to sleep; None: without a pause.
    """
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    draw = random.Random(seed)  # noqa: S311  (not a secret)
    os.write(1, b".")
    while True:
        end = math.inf if seed is None else time.perf_counter() + draw.expovariate(1 / HOG_MEAN_S)
        while time.perf_counter() < end:
            for _ in range(1000):
                pass
        time.sleep(draw.expovariate(1 / HOG_MEAN_S))


def _end_with_stdin() -> None:
    try:
        while os.read(0, 1):
            pass
    finally:
        os._exit(0)


# --- running


def find_python(python: Python) -> Python:
    """Return an interpreter with its absolute path, which does not depend on the folder.

    :raises SoakError: there is no such program.
    """
    found = shutil.which(python.path)
    if found is None:
        raise SoakError(f"--python {python}: {python.path!r} is not a program; give an interpreter's path")
    return Python(str(Path(found).absolute()), python.environment)  # a resolved path would leave its environment


_PROBE = """
import json
from importlib.metadata import version
from pytest_concclaims.interpreter import Interpreter
print(json.dumps([Interpreter.current().label, version("pytest-concclaims")]))
"""


def examine(python: Python) -> Subject:
    """Return the label and the plugin's version of an interpreter.

    :raises SoakError: it cannot run claims.
    """
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        asked = _ask(python, ["-c", _PROBE], Path(folder))
    output = asked.stdout + asked.stderr
    if asked.returncode and re.search(r"No module named '?pytest_concclaims|PackageNotFoundError", output):
        raise SoakError(
            f"--python {python}: it has no pytest-concclaims; install it: "
            f"{python.path} -m pip install pytest-concclaims"
        )
    try:
        label, version = json.loads(asked.stdout)
    except (ValueError, TypeError):
        said = _last_line(output) or f"exit status {asked.returncode}"
        raise SoakError(f"--python {python}: it cannot be used ({said}); give a Python interpreter's path") from None
    return Subject(python, str(label), str(version))


def check_selection(subject: Subject, selection: Selection, project: Path | None) -> None:
    """Let pytest collect the claims, without running them.

    :param project: as of :func:`run_job`.
    :raises SoakError: pytest fails, or finds none.
    """
    with _scratch_folder() as scratch:
        asked = _ask(
            subject.python,
            ["-m", "pytest", *selection.options(), "--collect-only", "-q", "-p", "no:cacheprovider"],
            project or scratch,
        )
    if asked.returncode:
        lines = [line for line in (asked.stdout + asked.stderr).splitlines() if line.startswith("ERROR")]
        raise SoakError(
            f"nothing to run on {subject.label}, in {project or 'an empty folder'}: pytest says "
            f"{lines[0] if lines else _last_line(asked.stdout + asked.stderr)!r}; change --select or --keyword"
        )


def _ask(python: Python, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603  (the user's interpreter)
            [python.path, *arguments],
            cwd=folder,
            env=_environment(python),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=ANSWER_TIMEOUT_S,
            check=False,
        )
    except OSError as error:
        raise SoakError(
            f"--python {python}: it cannot be run ({error.strerror or error}); give a Python interpreter's path"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SoakError(f"--python {python}: no answer in {ANSWER_TIMEOUT_S:g} s; give another one") from error


def _environment(python: Python) -> dict[str, str]:
    # Variables for a surrounding pytest, such as PYTEST_ADDOPTS, are not for the runs.
    passed = {name: value for name, value in os.environ.items() if name == LOCK_DIR or not name.startswith("PYTEST_")}
    return {**passed, **dict(python.environment)}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


@contextmanager
def _scratch_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        # Pytest looks for settings in the folders above, unless this folder has some.
        (Path(name) / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        yield Path(name)


def run_job(job: Job, selection: Selection, *, project: Path | None, seed: int, deadline: float) -> Run:
    """Run the claims once, under a condition.

    :param project: the folder to run in; None: an empty one.
    :param seed: of random hogs.
    :param deadline: seconds after which the run is killed.
    """
    with _scratch_folder() as scratch, _surroundings(scratch) as surroundings:
        pytests = [_Pytest(scratch, number) for number in range(job.condition.runs)]
        environment = {**_environment(job.subject.python), **surroundings.environment}
        with hogs_beside(job.condition, f"{seed}/{job.condition}/{job.number}") as hogs:
            started, begin = datetime.now(timezone.utc), time.perf_counter()
            statuses = _run(job, selection, pytests, project or scratch, environment, deadline)
            seconds = time.perf_counter() - begin
            early = any(hog.poll() is not None for hog in hogs)
        records = [_read_record(pytest.record) for pytest in pytests]
        errors = [
            _error(record, status, deadline, pytest.output)
            for record, status, pytest in zip(records, statuses, pytests)
        ]
        left = surroundings.left_behind()
    if early:
        errors.append("a hog ended before the run, which was then not under its condition")
    if left:
        errors.append(str(left))
    record = next(filter(None, records), None)
    return Run(
        condition=str(job.condition),
        interpreter=record["interpreter"]["label"] if record else job.subject.label,
        python=str(job.subject.python),
        run=job.number,
        started=started.isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
        exit_status=next((status for status in statuses if status != 0), 0),
        version=record["tool"]["version"] if record else job.subject.version,
        select=selection.select,
        keyword=selection.keyword,
        budget=selection.budget,
        seed=seed,
        error=next((error for error in errors if error is not None), None),
        claims=tuple(Claim.from_json(claim) for each in records if each for claim in each["claims"]),
    )


class _Pytest:
    """A pytest of a run, and its files.

    :param scratch: the folder for them.
    :param number: of those that run at the same time, from 0.
    """

    def __init__(self, scratch: Path, number: int) -> None:
        self.record = scratch / f"run-{number}.json"
        self.output = scratch / f"output-{number}.txt"
        self._temporary = scratch / f"pytest-{number}"

    def command(self, job: Job, selection: Selection) -> list[str]:
        """Return its command."""
        command = [job.subject.python.path, "-m", "pytest", *selection.options(), "-q", "-p", "no:cacheprovider"]
        if job.condition.kind == "workers":
            command += ["-n", str(job.condition.number)]
        return [*command, "--claims-report", str(self.record), "--basetemp", str(self._temporary)]


@contextmanager
def _surroundings(scratch: Path) -> Iterator[Surroundings]:
    """Make the surroundings of a run; at the end of the block, kill its processes."""
    surroundings = Surroundings.of_run(scratch / "tmp")
    try:
        yield surroundings
    finally:
        surroundings.end_processes()


def _run(
    job: Job,
    selection: Selection,
    pytests: Sequence[_Pytest],
    folder: Path,
    environment: dict[str, str],
    deadline: float,
) -> list[int | None]:
    """Run some pytests at the same time.

    :returns: the exit status of each, None if the deadline passed; no process of its group is left then.
    """
    end = time.monotonic() + deadline
    with ExitStack() as stack:
        processes = []
        for pytest in pytests:
            # To a file: a pipe would stay open as long as any process that pytest started has it.
            with pytest.output.open("wb") as stream:
                process = subprocess.Popen(  # noqa: S603  (the user's interpreter)
                    pytest.command(job, selection),
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a Ctrl-C is for this process, which then kills the whole group
                    preexec_fn=_preparation(job),
                )
            stack.enter_context(_ended(process))
            processes.append(process)
        return [_status(process, end) for process in processes]


def _status(process: subprocess.Popen[bytes], end: float) -> int | None:
    try:
        return process.wait(max(0.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None


@contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """At the end of the block, kill the group of a process, and wait for the process."""
    try:
        yield
    finally:
        if process.poll() is None:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()


def _preparation(job: Job) -> Callable[[], None] | None:
    """Return what pytest's process does before it becomes pytest; None on Windows."""
    if os.name != "posix":
        return None
    from pytest_concclaims.lab.processes.child_main import die_with_parent

    if job.condition.kind != "one-core":
        return die_with_parent
    cpus = sorted(os.sched_getaffinity(0))
    return partial(_pin, cpus[job.number % len(cpus)], die_with_parent)


def _pin(cpu: int, then: Callable[[], None]) -> None:
    os.sched_setaffinity(0, {cpu})
    then()


def _read_record(file: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record


def _error(record: dict[str, Any] | None, status: int | None, deadline: float, output: Path) -> str | None:
    """Return why a run is not evidence, with the end of its output; None if it is evidence."""
    if status is None:
        what = f"killed at its deadline of {deadline:g} s (--deadline)"
    elif record is None:
        what = f"no run record, exit status {status}"
    elif not record["complete"] or not record["claims"]:
        what = f"the run did not complete, exit status {status}"
    else:
        return None
    lines = output.read_text(encoding="utf-8", errors="backslashreplace").splitlines()
    return "\n".join([f"{what}; the end of its output:", *lines[-LAST_LINES:]]) if lines else f"{what}, no output"


# --- the command


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Print the error in one line, without the usage."""
        self.exit(2, f"soak: {message} (--help has the options)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="soak.py",
        description="Run claims N times on interpreters, under conditions, and count the wrong verdicts.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--python",
        action="append",
        default=[],
        metavar="PATH",
        help="an interpreter that has pytest-concclaims; environment variables for it go in front, with a colon: "
        "PYTHON_GIL=1:/path/to/python (repeatable)",
    )
    add(
        "--runs",
        type=int,
        metavar="N",
        help="number of runs under each condition on each interpreter",
    )
    add(
        "--condition",
        action="append",
        default=[],
        metavar="WHAT",
        help="alone; hogs:K, beside K processes that burn CPU time; random-hogs:K, beside K that do so now and then; "
        "one-core, pinned to one CPU; workers:K, shared by K workers of pytest-xdist; at-once:K, K runs at the same "
        "time (repeatable; default: alone)",
    )
    add(
        "--select",
        action="append",
        default=[],
        metavar="CLAIMS",
        help="claims, as after pytest --claims: a shipped suite or a part of it (article/test_3_2_lock.py), or a "
        "path in the working directory (repeatable; default: what pytest --claims runs in the working directory)",
    )
    add("--keyword", metavar="EXPRESSION", help="run only selected claims that match, as with pytest -k")
    add("--budget", type=float, metavar="SECONDS", help="seconds for each experiment (default: the plugin's)")
    add(
        "--output",
        type=Path,
        default=Path("soak.jsonl"),
        metavar="FILE",
        help="a JSON line for each run is appended; a soak continues where the file ends (default: %(default)s)",
    )
    add("--seed", type=int, default=0, help="seed of random hogs (default: %(default)s)")
    add(
        "--deadline",
        type=float,
        default=1800.0,
        metavar="SECONDS",
        help="seconds after which a run is killed, and counts as an error (default: %(default)g)",
    )
    add("--report", action="store_true", help="run nothing; print the table of the output file")
    add("--by-claim", action="store_true", help="add a row for each claim to the table")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        runs = _report_only(options) if options.report else _soak(options)
    except SoakError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 2
    if runs.interrupted:
        print("soak: interrupted; the same command continues it", file=sys.stderr)
    if runs.all:
        print(format_report(runs.all, by_claim=options.by_claim))
    return INTERRUPTED if runs.interrupted else exit_status(runs.all)


@dataclass(frozen=True)
class _Outcome:
    all: list[Run]
    interrupted: bool = False


def _report_only(options: argparse.Namespace) -> _Outcome:
    runs, _ = _load(options.output)
    if not runs:
        raise SoakError(f"{options.output} has no runs; give the --output of a soak")
    return _Outcome(runs)


def _load(file: Path) -> tuple[list[Run], int]:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise SoakError(f"{file} cannot be read ({error.strerror}); give another --output") from error
    runs, size = read_runs(content, str(file))
    if size < len(content):
        print(
            f"soak: the last line of {file} is unfinished, as a soak was killed while it wrote it; it does not count",
            file=sys.stderr,
        )
    return runs, size


def _soak(options: argparse.Namespace) -> _Outcome:
    conditions, selection = _conditions(options), _selection(options)
    pythons = dict.fromkeys(find_python(parse_python(text)) for text in options.python)
    runs, size = _load(options.output)
    for other in {run.selection for run in runs} - {selection}:
        raise SoakError(f"{options.output} has runs of another selection (pytest {other}); give another --output")
    interrupted = False
    try:
        subjects = [examine(python) for python in pythons]
        jobs = remaining(runs, conditions, subjects, options.runs)
        project = Path.cwd() if selection.is_of_project(Path.cwd()) else None
        for subject in dict.fromkeys(job.subject for job in jobs):
            check_selection(subject, selection, project)
        _make_ready(options.output, size)
        for left, job in zip(reversed(range(len(jobs))), jobs):
            run = run_job(job, selection, project=project, seed=options.seed, deadline=options.deadline)
            _append(options.output, run)
            runs.append(run)
            print("\n".join(progress(run, runs, left)), file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        interrupted = True
    return _Outcome(runs, interrupted)


def _conditions(options: argparse.Namespace) -> list[Condition]:
    conditions = list(dict.fromkeys(map(parse_condition, options.condition or ["alone"])))
    if Condition("one-core") in conditions and not hasattr(os, "sched_setaffinity"):
        raise SoakError("--condition one-core: this platform has no os.sched_setaffinity; leave the condition out")
    return conditions


def _selection(options: argparse.Namespace) -> Selection:
    if not options.python:
        raise SoakError("no interpreter; give one that has pytest-concclaims: --python PATH")
    if options.runs is None or options.runs < 1:
        raise SoakError("the number of runs is missing or less than 1; give --runs N")
    for name in ("budget", "deadline"):
        value = getattr(options, name)
        if value is not None and not 0 < value < math.inf:
            raise SoakError(f"--{name} {value:g}: must be a positive number of seconds")
    return Selection(tuple(options.select), options.keyword, options.budget)


def _make_ready(file: Path, size: int) -> None:
    """Cut the output to its first bytes, and end them with a line feed."""
    try:
        with file.open("ab+") as stream:
            stream.truncate(size)
            stream.seek(max(0, size - 1))
            if size and stream.read(1) != b"\n":
                stream.write(b"\n")
    except OSError as error:
        raise SoakError(f"{file} cannot be written ({error.strerror}); give another --output") from error


def _append(file: Path, run: Run) -> None:
    with file.open("ab") as stream:
        stream.write(json.dumps(run.to_json()).encode("ascii") + b"\n")


if __name__ == "__main__":
    if sys.argv[1:2] == [HOG]:
        be_hog(sys.argv[2] if len(sys.argv) > 2 else None)
    sys.exit(main())
