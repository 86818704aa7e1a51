"""Attempts at a claim: the test function is run and watched, and the verdict is decided."""

from __future__ import annotations

import bdb
import dataclasses
import inspect
import json
import sys
import sysconfig
import threading
import traceback
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache, partial
from pathlib import Path
from types import FrameType, FunctionType
from typing import Any

import pytest

from ..claim import Claim
from ..interpreter import gil_enabled
from ..lab.lab import Lab, Shared
from ..lab.threads import ends_of_threads_reported, running_threads
from ..records.evidence import Assertion, Attempt, Evidence, RaceRun, Raised, summary_phrase
from ..records.record import ClaimResult
from ..reports.interleaving import FEW_LINES, interleaving
from ..text import harmless
from ..verdict import Decision, Ending, Facts, Inconclusive, NotApplicable, Verdict, decide
from . import pytest_benchmark
from .assertions import AssertionWatch, Place, Territory, has_assertions, is_noted, is_rewritten
from .collection import CLAIM
from .ending import ending_of, raised_by, register
from .interference import find_interference
from .other_plugins import timer_stopped
from .progress import Progress
from .replay import Replay
from .suites import SuiteModule
from .threads import LeftThreads, threads_in, unrelated_reason

#: The attribute of a test report that carries the claim's result, as JSON: xdist sends simple types only.
REPORT_ATTRIBUTE = "concclaims_result"
#: The name of a claim's section in pytest's reports.
SECTION = "claim"
#: Columns of an interleaving in a report's section: a worker of pytest-xdist knows no terminal's.
_STORY_WIDTH = 78
_PACKAGE = Path(__file__).parents[1]
GIL_CHANGED = (
    "the GIL was re-enabled at run time, by the import of an extension module that needs it, so the expected verdict "
    "may be that of another state; run again with PYTHON_GIL=1, or without that module"
)


@dataclasses.dataclass
class Trial:
    """One attempt at a claim.

    :param territory: the code that belongs to the claim.
    :param attempts: earlier attempts in this run, with which this one must agree.
    :param undecided: the INCONCLUSIVE attempts before those, if this is the second, longer attempt.
    :param patience: seconds for each experiment of a second attempt if this is INCONCLUSIVE; None: this is the last.
    :param phase: the phase that runs, or ran last: the set-up, the claim or the teardown.
    :param running: whether the test function is running.
    :param facts: what the verdict depends on, so far.
    :param decision: the verdict; None until it is decided.
    :param cause: the exception that the verdict is based on, if any.
    :param threads_before: the threads that ran when the test function was called; None before that.
    :param threads_left: a message about threads that the claim left running.
    :param disturbances: exceptions that ended threads, and failures of subtests.
    :param observations: evidence that no instrument recorded.
    """

    claim: Claim
    lab: Lab
    territory: Territory
    attempts: list[Attempt]
    undecided: tuple[Attempt, ...] = ()
    patience: float | None = None
    phase: str = "set-up"
    running: bool = False
    facts: Facts = dataclasses.field(default_factory=Facts)
    decision: Decision | None = None
    cause: BaseException | None = None
    duration: float = 0.0
    threads_before: frozenset[threading.Thread] | None = None
    threads_left: str | None = None
    disturbances: list[Raised] = dataclasses.field(default_factory=list)
    observations: list[Evidence] = dataclasses.field(default_factory=list)

    def take(self, **facts: Any) -> Decision:
        """Add facts, as fields of :class:`Facts`, and decide again."""
        self.facts = dataclasses.replace(
            self.facts,
            disturbance=self.disturbances[0].phrase() if self.disturbances else None,
            earlier=tuple(Verdict(attempt.verdict) for attempt in self.attempts),
            **facts,
        )
        self.decision = decide(self.facts)
        return self.decision

    def evidence(self) -> tuple[Evidence, ...]:
        """Return all that was seen in this and earlier attempts."""
        return (*self.undecided, *self.attempts, *self.lab.evidence, *self.observations, *self.disturbances)

    @property
    def goes_on(self) -> bool:
        """Whether a second, longer attempt follows."""
        undecided = self.decision is not None and self.decision.verdict is Verdict.INCONCLUSIVE
        return undecided and self.patience is not None

    def so_far(self) -> list[Attempt]:
        """Return the attempts that the next one must agree with, this one included."""
        return [*self.attempts, *filter(None, [self.as_attempt()])]

    def result(self) -> ClaimResult:
        """Return the claim's result; before its end, the result that it has if the process ends now."""
        decision, claim = self.decision or decide(Facts()), self.claim
        reason = decision.reason
        if decision.verdict is Verdict.REFUTED and claim.expected is Verdict.REFUTED:
            reason = claim.expected_reason
        return ClaimResult(
            id=claim.id,
            suite=claim.suite,
            statement=claim.statement,
            source=claim.source,
            digest=claim.digest,
            verdict=decision.verdict,
            expected=claim.expected,
            reason=reason,
            evidence=self.evidence(),
            duration=round(self.duration, 4),
            location=claim.location,
            nodeid=claim.nodeid,
            code=claim.code,
        )

    def begin_again(self) -> None:
        """Store the attempt as an earlier one, as a plugin may call the test function more than once."""
        attempt = self.as_attempt()
        if attempt is not None:
            self.attempts.append(attempt)
            self.facts, self.decision, self.cause = Facts(), None, None
            self.observations, self.disturbances = [], []

    def as_attempt(self) -> Attempt | None:
        """Return this attempt for the record of the next one."""
        if self.decision is None:
            return None
        own = [item.to_json() for item in self.evidence() if not isinstance(item, Attempt)]
        decision = decide(dataclasses.replace(self.facts, earlier=()))  # regardless of other attempts
        return Attempt(decision.verdict.value, decision.reason, own)

    def end(self, left: LeftThreads) -> None:
        """Close the lab, and note which threads the claim left running."""
        if self.threads_before is not None:
            self.threads_left = left.add_those_of_a_claim(self.threads_before)
        self.lab.close()


def _raised(where: str, error: BaseException) -> Raised:
    message = str(error)
    if isinstance(error, pytest.FixtureLookupError):  # whose text is the repr of what it was made with
        message = f"fixture {error.argname!r} not found" if error.msg is None else error.msg
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return Raised(where, type(error).__name__, message, text)


TRIAL = pytest.StashKey[Trial]()
SHARED = pytest.StashKey[Shared]()


class ThreadWatch:
    """Hooks: note exceptions that end threads, from a claim's set-up to the end of its teardown.

    Around all phases, so that there is no gap between them; and innermost in each phase, where pytest before 8.4
    sets its own hook.
    """

    def __init__(self, left: LeftThreads) -> None:
        self._left = left

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Watch all phases, and the time between them."""
        with _threads_watched(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Watch the set-up."""
        __tracebackhide__ = True
        with _threads_watched(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Watch the call."""
        __tracebackhide__ = True
        with _threads_watched(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        """Watch the teardown, and note threads that still run after it."""
        __tracebackhide__ = True
        trial = item.stash.get(TRIAL, None)
        if trial is not None:
            trial.phase = "teardown"
        with _threads_watched(item):
            try:
                return (yield)
            finally:
                if trial is not None:
                    trial.end(self._left)


def _threads_watched(item: pytest.Item) -> AbstractContextManager[None]:
    """Note the exceptions that end a claim's threads: pytest only warns of them.

    Exceptions that end other threads, such as an earlier claim's, are not noted.
    """

    def note(name: str, thread: threading.Thread | None, error: BaseException) -> bool:
        trial = item.stash.get(TRIAL, None)
        if trial is None or thread in trial.lab.earlier_threads:
            return False
        trial.disturbances.append(_raised(f"{name}, {trial.phase}", error))
        return True

    return ends_of_threads_reported(note)


class ClaimTrials:
    """Hooks: make a trial for each attempt at a claim, and decide it after the test function.

    :param progress: shows what a claim does; None: there is no terminal to show it on.
    :param gil: whether the GIL was on when the interpreter had just started.
    """

    def __init__(
        self, config: pytest.Config, left: LeftThreads, progress: Progress | None = None, *, gil: bool
    ) -> None:
        self._config = config
        self._left = left
        self._progress = progress
        self._gil = gil
        self._replay = Replay.of(config.getoption("claims_replay"))
        self._has_shown = False

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Start an attempt."""
        __tracebackhide__ = True
        claim = item.stash.get(CLAIM, None)
        if claim is None or not isinstance(item, pytest.Function):
            return (yield)
        trial = item.stash[TRIAL] = self._begin(item, claim)
        unsettled: Inconclusive | NotApplicable | None = None
        result = None
        try:
            result = yield
        except (Inconclusive, NotApplicable) as raised:
            unsettled = raised
        if unsettled is None and self._replay.leaves_out(claim.id):
            unsettled = NotApplicable("the record of --claims-replay has no schedule of this claim")
        if unsettled is not None:
            ending, reason = ending_of(unsettled, is_claims_code=lambda _: False)
            trial.take(ending=ending, ending_reason=reason)
            self._raise_unless_expected(trial)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        """Finish a fixture that raised INCONCLUSIVE or NOT APPLICABLE.

        pytest does so only for its own outcomes and for ``Exception``, and does not set up a fixture again that was
        not finished.
        """
        __tracebackhide__ = True
        try:
            return (yield)
        except (Inconclusive, NotApplicable):
            fixturedef.cached_result = (None, None, None)  # pytest finishes only a fixture with a result
            fixturedef.finish(request)  # type: ignore[arg-type]  # it is a SubRequest, which has no public name
            raise

    def _begin(self, item: pytest.Function, claim: Claim) -> Trial:
        """Return the next attempt at a claim."""
        option, earlier = self._config.getoption, item.stash.get(TRIAL, None)
        attempts = [] if earlier is None else earlier.so_far()
        patience: float | None = option("claims_patience")
        undecided = () if earlier is None else earlier.undecided
        if earlier is not None and earlier.goes_on:
            attempts, undecided = [], tuple(attempts)
        lab = Lab(
            budget=option("claims_budget") if claim.budget is None else claim.budget,
            least_budget=patience or 0.0 if undecided else 0.0,
            in_process=option("claims_in_process"),
            portable=option("claims_portable"),
            replay=self._replay.tokens_of(claim.id),
            shared=_shared_with(item) if earlier is None else None,
            lock_timeout=option("claims_lock_timeout"),
            tell=self._show,
            waiting=partial(self._waiting, item),
            progress=nullcontext if self._progress is None else self._progress.doing,
        )
        return Trial(claim, lab, _territory(item), attempts, undecided, None if undecided else patience)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Call the claim's function and decide; swallow the expected failure, raise an unexpected one."""
        trial = pyfuncitem.stash.get(TRIAL, None)
        if trial is None:
            return (yield)
        __tracebackhide__ = True
        trial.begin_again()
        interference = find_interference()
        if interference is not None:
            trial.take(interference=interference)
            self._raise_unless_expected(trial)
        error: BaseException | None = None
        result: object = True
        trial.phase, trial.running, trial.threads_before = "the claim", True, running_threads()
        unrelated = self._left.still_running() | threads_in(partial(_asserts_for, trial.territory))
        try:
            with AssertionWatch(trial.territory, unrelated=unrelated) as watch:
                trial.lab.assertions = watch
                try:
                    result = yield
                except (KeyboardInterrupt, pytest.exit.Exception, bdb.BdbQuit):
                    raise  # the run was stopped: neither a verdict nor an error
                except BaseException as raised:  # noqa: BLE001  (the verdict depends on what it is)
                    error = raised
        finally:
            trial.running = False
        unrelated |= trial.threads_before & threads_in(partial(_asserts_for, trial.territory))
        self._decide(pyfuncitem, trial, error, watch, unrelated_reason(unrelated))
        pytest_benchmark.show(pyfuncitem, claim=trial.claim.id, timings=trial.lab.timings)
        self._raise_unless_expected(trial)
        return result

    @contextmanager
    def _waiting(self, item: pytest.Item) -> Iterator[None]:
        """Wait in the block: the claim does nothing, and is not charged for it."""
        with timer_stopped(item), nullcontext() if self._progress is None else self._progress.kept():
            yield

    def _show(self, line: str) -> None:
        """Show what a claim waits for: as progress, or as a line in the terminal, past what pytest captures.

        A worker of pytest-xdist writes it to its errors, and once only, as the workers of a run wait for each other
        all the time.
        """
        if self._progress is not None:
            self._progress.set(line)
            return
        if self._has_shown and hasattr(self._config, "workerinput"):
            return
        self._has_shown = True
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
            sys.stderr.write(f"\nconcclaims: {line}\n")
            sys.stderr.flush()

    def _decide(
        self,
        item: pytest.Function,
        trial: Trial,
        error: BaseException | None,
        watch: AssertionWatch,
        unrelated_threads: str | None,
    ) -> None:
        """Decide the claim after its call."""
        ending, reason = ending_of(
            error,
            is_claims_code=partial(_belongs_to, trial.territory),
            would_be=lambda frame: trial.territory.holds(frame.f_code.co_filename, rewritten=True),
        )
        caught = _caught(error, watch)
        unsettled = trial.lab.unsettled
        decision = trial.take(
            ending=ending,
            ending_reason=reason,
            asserted=bool(watch.held),
            unwatched=_why_unwatched(item),
            xfail=_XFAIL if item.get_closest_marker("xfail") is not None else None,
            caught=f"an assertion failed, and the failure was caught: {caught[0].text}; do not catch it"
            if caught
            else None,
            unsettled=None if unsettled is None else _unsettled(unsettled),
            failed=trial.lab.failed,
            void=trial.lab.void,
            unrelated_threads=unrelated_threads,
            gil_changed=None if gil_enabled() == self._gil else GIL_CHANGED,
        )
        if decision == decide(Facts(ending=ending, ending_reason=reason)) and not isinstance(error, _OWN_WORDS):
            trial.cause = error
        trial.observations += _observations(error, decision, watch)

    def _raise_unless_expected(self, trial: Trial) -> None:
        __tracebackhide__ = True
        claim, decision = trial.claim, trial.decision
        assert decision is not None, "decided right before"
        if decision.verdict is claim.expected:
            return
        if decision.verdict is Verdict.INCONCLUSIVE:
            if self._config.getoption("claims_strict") and not trial.goes_on:
                pytest.fail(f"INCONCLUSIVE, and --claims-strict is given: {decision.reason}", pytrace=False)
            pytest.skip(f"INCONCLUSIVE: {decision.reason}")
        if decision.verdict is Verdict.CONFIRMED:
            pytest.fail(f"CONFIRMED, expected REFUTED because {claim.expected_reason}", pytrace=False)
        if trial.cause is not None:
            raise trial.cause
        if decision.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(str(decision.reason))
        details = "\n".join(item.traceback.rstrip() for item in trial.disturbances)
        pytest.fail(
            f"{decision.verdict.word}: {decision.reason}" + (f"\n{details}" if details else ""), pytrace=False
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Add the result to the report, and void a verdict if set-up or teardown failed."""
        report = yield
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            return report
        if trial.running:  # a subtest's report
            if call.excinfo is not None:  # it failed, or was skipped: a part of the claim was not tested
                trial.disturbances.append(_raised("a subtest", call.excinfo.value))
            return report
        trial.duration += report.duration
        error = call.excinfo.value if call.excinfo is not None else None
        if isinstance(error, pytest.fail.Exception) and not error.pytrace:
            report.longrepr = str(error)  # newer versions of pytest add that there is no traceback
        _take_back(trial, report, call)
        _decorate(item, trial, report)
        if report.when == "teardown":
            trial.cause = None  # its frames reference objects of the claim
        return report


#: Exceptions that are reported by the reason of the decision, and not by themselves.
_OWN_WORDS = (Inconclusive, NotApplicable, pytest.xfail.Exception)
_XFAIL = "the claim was marked xfail while it ran; mark the expected verdict with refuted"


def _belongs_to(territory: Territory, frame: FrameType) -> bool:
    """Return whether a frame's code belongs to a claim."""
    return territory.holds(frame.f_code.co_filename, rewritten=is_rewritten(frame.f_globals))


def _asserts_for(territory: Territory, frame: FrameType) -> bool:
    """Return whether a frame's code belongs to a claim, and has assertions."""
    return has_assertions(frame.f_code) and _belongs_to(territory, frame)


def _unsettled(raised: Inconclusive | NotApplicable) -> Decision:
    ending, reason = ending_of(raised, is_claims_code=lambda _: False)
    return decide(Facts(ending=ending, ending_reason=reason))


def _caught(error: BaseException | None, watch: AssertionWatch) -> list[Place]:
    """Return the assertions that failed, but did not end the claim.

    The same assertion may fail several times: under hypothesis, which runs a claim again with other arguments, and in
    tasks that run at the same time.
    """
    ended_by = set() if error is None else {id(raised) for raised in raised_by(error)}
    ended_at = {place for place, failure in watch.failed if id(failure) in ended_by}
    return [place for place, _ in watch.failed if place not in ended_at]


def _why_unwatched(item: pytest.Function) -> str | None:
    """Return why the assertions of a claim's module cannot be seen; None if they can."""
    function = _plain_function(item)
    if is_noted(function.__code__.co_filename):
        return None
    return (
        f"the assertions of {function.__code__.co_filename} cannot be seen, as pytest did not rewrite it; "
        f"{register(function.__module__)}"
    )


def _take_back(trial: Trial, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    """Let failures and skips of set-up, call and teardown decide the claim, if it is not decided by them yet."""
    where = {"setup": "set-up", "call": "the claim", "teardown": "teardown"}[str(report.when)]
    error = call.excinfo.value if call.excinfo is not None else None
    if hasattr(report, "wasxfail"):
        reason = f"xfail on a claim, in {where}; mark the expected verdict with refuted"
        del report.wasxfail
        report.outcome, report.longrepr = "failed", reason
        trial.take(xfail=reason)
    elif report.failed and _is_news(trial, report):
        if error is None:
            reason = f"another plugin failed {where}: {report.longreprtext}"
        else:
            trial.observations.append(_raised(where, error))
            reason = trial.observations[-1].phrase()
        trial.take(broken=reason)
    elif report.skipped and report.when == "setup" and trial.decision is None:
        trial.take(ending=Ending.NOT_APPLICABLE, ending_reason=str(error or ""))
        trial.cause = error
    elif report.when == "teardown" and not report.failed and trial.decision is not None:
        before, decision = trial.decision, trial.take(threads_left=trial.threads_left)
        if decision.verdict is Verdict.ERROR and before.verdict is not Verdict.ERROR:
            report.outcome = "failed"
            report.longrepr = "\n".join(
                [f"ERROR: {decision.reason}", *(piece.traceback for piece in trial.disturbances)]
            )


def _is_news(trial: Trial, report: pytest.TestReport) -> bool:
    """Return whether a failure is not part of the decision yet."""
    if report.when == "teardown" or trial.decision is None:
        return True
    return trial.decision.verdict is trial.claim.expected


def _decorate(item: pytest.Item, trial: Trial, report: pytest.TestReport) -> None:
    claim, decision, result = trial.claim, trial.decision, trial.result()
    setattr(report, REPORT_ATTRIBUTE, json.dumps({"decided": decision is not None, "result": result.to_json()}))
    statement = _sendable(claim.statement)
    properties = {"claim": claim.id, "statement": statement, "expected": claim.expected.value}
    if decision is not None:
        properties["verdict"] = decision.verdict.value
        properties["result"] = _sendable(_in_words(result))
        if result.evidence:
            properties["finding"] = _sendable(summary_phrase(result.evidence))
    report.user_properties = [*report.user_properties, *properties.items()]
    if decision is not None and trial.cause is None and report.skipped:  # by this module's own skip
        path, line, _ = item.reportinfo()
        report.longrepr = (str(path), (line or 0) + 1, str(decision.reason))  # pytest writes it beside the verdict
    if report.when == "call":
        lines = [f'"{harmless(claim.statement)}"', f"is {_in_words(result)}", f"{claim.id}, {claim.location}"]
        for piece in result.evidence:
            lines.append(f"- {harmless(piece.phrase())}")
            if isinstance(piece, RaceRun):
                most = FEW_LINES if item.config.get_verbosity() <= 0 else None
                lines += [f"  {line}" for line in interleaving(piece, _STORY_WIDTH, most)]
        report.sections.append((SECTION, "\n".join(lines)))
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None and result.verdict is Verdict.REFUTED:  # for the short summary, which has one line
            crash.message = f"REFUTED: {harmless(summary_phrase(result.evidence).partition('; ')[0])}"


def _sendable(text: str) -> str:
    """Return a text as pytest-xdist can send it: without lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _in_words(result: ClaimResult) -> str:
    """Return a claim's result in words, such as ``REFUTED as expected, because it reflects light``."""
    if result.verdict is result.expected:
        because = f", because {harmless(result.reason)}" if result.reason else ""
        return f"{result.verdict.word} as expected{because}"
    if not result.verdict.reached:
        return f"{result.verdict.word}: {harmless(result.reason or '')}"
    return f"{result.verdict.word}, expected {result.expected.word}"


# --- around the call


def _plain_function(item: pytest.Function) -> FunctionType:
    function = inspect.unwrap(item.function)
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    assert isinstance(function, FunctionType), f"pytest collects functions only, not {function!r}"
    return function


def _shared_with(item: pytest.Function) -> Shared:
    """Return the measurements that the claims of a module share."""
    module = item.getparent(pytest.Module)
    return {} if module is None else module.stash.setdefault(SHARED, {})


def _territory(item: pytest.Function) -> Territory:
    suite = item.getparent(SuiteModule)
    return Territory(
        module=_plain_function(item).__code__.co_filename,
        folder=None if suite is None else str(suite.path.parent),
        root=str(item.config.rootpath),
        foreign=_installed(),
    )


@cache
def _installed() -> tuple[str, ...]:
    """Return the folders that hold installed code."""
    paths = sysconfig.get_paths()
    return (*sorted({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}), str(_PACKAGE))


def _observations(error: BaseException | None, decision: Decision, watch: AssertionWatch) -> list[Evidence]:
    """Return the evaluated assertions as evidence, and the exception that ended the claim in ERROR."""
    found: list[Evidence] = [Assertion(True, place.text, _shown(place)) for place in watch.held]
    # Of several failures of one assertion, the last: if one ended the claim, it is this.
    found += [_failed(place, failure) for place, failure in dict(watch.failed).items()]
    if error is not None and decision.verdict is Verdict.REFUTED:
        noted = {id(failure) for _, failure in watch.failed}
        for raised in raised_by(error):
            if id(raised) not in noted:  # by hand: raise AssertionError(...)
                last = traceback.extract_tb(raised.__traceback__)[-1]
                place = Place(last.filename, last.lineno or 0, last.line or type(raised).__name__)
                found.append(_failed(place, raised))
    elif decision.verdict is Verdict.ERROR and error is not None:
        found.append(_raised("the claim", error))
    return found


def _failed(place: Place, failure: BaseException) -> Assertion:
    notes = getattr(failure, "__notes__", ())  # hypothesis notes the arguments there
    return Assertion(False, place.text, _shown(place), "\n".join([str(failure), *map(str, notes)]))


def _shown(place: Place) -> str:
    return f"{Path(place.filename).name}:{place.line}"
