"""Trying a claim: running its test function, watching what it does, and deciding its verdict."""

from __future__ import annotations

import bdb
import dataclasses
import inspect
import json
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Collection, Generator, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from types import FrameType, FunctionType

import pytest

from ..claim import Claim
from ..interpreter import gil_enabled
from ..lab.lab import Lab
from ..lab.threads import ends_of_threads_heard
from ..records.evidence import Assertion, Attempt, Evidence, Note, Raised
from ..records.record import ClaimResult
from ..text import harmless
from ..verdict import Inconclusive, NotApplicable, Verdict
from . import pytest_benchmark
from .assertions import AssertionWatch, Place, Territory, instrument, left_behind
from .collection import CLAIM, SuiteModule
from .decision import Decision, decide
from .interference import what_falsifies

#: The attribute of a test report that carries the claim's result, as JSON: xdist sends simple types only.
REPORT_ATTRIBUTE = "concclaims_result"
_PACKAGE = Path(__file__).parents[1]
GIL_CAME_BACK = (
    "the GIL came back after the interpreter had started (an extension module that needs it was imported), so what "
    "is expected here and what ran may not belong together; run again with PYTHON_GIL=1, or without that module"
)
_THREADS_MOMENT = 0.5  # seconds


@dataclasses.dataclass
class Trial:
    """One attempt at a claim.

    :param territory: the code that speaks for the claim.
    :param attempts: earlier attempts in this run.
    :param phase: what is being run, or was last: the set-up, the claim or the teardown.
    :param running: whether the test function is being called.
    :param decision: the verdict, once there is one.
    """

    claim: Claim
    lab: Lab
    territory: Territory
    attempts: list[Attempt]
    phase: str = "set-up"
    running: bool = False
    decision: Decision | None = None
    duration: float = 0.0
    disturbances: list[Raised] = dataclasses.field(default_factory=list)
    observations: list[Evidence] = dataclasses.field(default_factory=list)

    def evidence(self) -> tuple[Evidence, ...]:
        """Return all that was seen in this and earlier attempts."""
        return (*self.attempts, *self.lab.evidence, *self.observations, *self.disturbances)

    def result(self) -> ClaimResult | None:
        """Return how the claim ended; None if it has not."""
        decision, claim = self.decision, self.claim
        if decision is None:
            return None
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
        )

    def unfinished(self) -> ClaimResult:
        """Return the result for the case that nothing more is heard of the claim."""
        return dataclasses.replace(self, decision=Decision(Verdict.ERROR, "it did not come to an end")).result()  # type: ignore[return-value]  # it has a decision

    def begin_again(self) -> None:
        """Make what there is an earlier attempt, should a plugin call the test function more than once."""
        attempt = self.as_attempt()
        if attempt is not None:
            self.attempts.append(attempt)
            self.decision, self.observations, self.disturbances = None, [], []

    def as_attempt(self) -> Attempt | None:
        """Return this attempt for the record of the next one."""
        if self.decision is None:
            return None
        own = [item.to_json() for item in self.evidence() if not isinstance(item, Attempt)]
        return Attempt(self.decision.verdict.value, self.decision.reason, own)

    def let_go(self) -> None:
        """Let go of what the claim raised, once all is reported: its frames hold what the claim has opened."""
        if self.decision is not None:
            self.decision = dataclasses.replace(self.decision, cause=None)

    def wait_for_threads(self) -> None:
        """Give threads that the claim left behind a moment to end: how they end may leave no verdict."""
        deadline = time.monotonic() + _THREADS_MOMENT
        for thread in set(threading.enumerate()) - self.lab.earlier_threads:
            with suppress(AssertionError, RuntimeError):  # one that Python did not start cannot be joined
                thread.join(max(0.0, deadline - time.monotonic()))
        for thread in left_behind() - self.lab.earlier_threads:
            text = f"the claim has left thread {thread.name!r} running: what becomes of that, it does not hear"
            self.observations.append(Note(text))


def _raised(where: str, error: BaseException) -> Raised:
    message = str(error)
    if isinstance(error, pytest.FixtureLookupError):  # whose text is the repr of what it was made with
        message = f"fixture {error.argname!r} not found" if error.msg is None else error.msg
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    return Raised(where, type(error).__name__, message, text)


TRIAL = pytest.StashKey[Trial]()


class ThreadWatch:
    """Hooks: note what ends threads, from a claim's set-up to the end of its teardown.

    Around the whole, so that no gap is left between the phases; and innermost in each phase, as pytest before 8.4
    has a hook of its own there.
    """

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Watch all phases, and what lies between them."""
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
        """Watch the teardown, and what the claim left behind."""
        __tracebackhide__ = True
        trial = item.stash.get(TRIAL, None)
        if trial is not None:
            trial.phase = "teardown"
        with _threads_watched(item):
            try:
                return (yield)
            finally:
                if trial is not None:
                    trial.wait_for_threads()
                    trial.lab.close()


def _threads_watched(item: pytest.Item) -> AbstractContextManager[None]:
    """Note the exceptions that end a claim's threads: pytest warns of them, and lets the test pass.

    It also warns of those that end a thread of somebody else, such as an earlier claim: they are none of this one's.
    """

    def note(name: str, thread: threading.Thread | None, error: BaseException) -> bool:
        trial = item.stash.get(TRIAL, None)
        if trial is None or thread in trial.lab.earlier_threads:
            return False
        trial.disturbances.append(_raised(f"{name}, {trial.phase}", error))
        return True

    return ends_of_threads_heard(note)


class ClaimTrials:
    """Hooks: a trial for each attempt at a claim, decided around the call of its test function.

    :param gil: whether the GIL was on when the interpreter had just started.
    """

    def __init__(self, config: pytest.Config, *, gil: bool) -> None:
        self._config = config
        self._gil = gil
        self._told = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Have the claims' code note its assertions before a fixture makes functions of it."""
        for item in session.items:
            if CLAIM in item.stash and isinstance(item, pytest.Function):
                instrument(_territory(item), _plain_function(item), self._config, _parameters(item))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        """Begin an attempt."""
        __tracebackhide__ = True
        claim = item.stash.get(CLAIM, None)
        if claim is None or not isinstance(item, pytest.Function):
            return (yield)
        earlier = item.stash.get(TRIAL, None)
        attempts = [] if earlier is None else [*earlier.attempts, *filter(None, [earlier.as_attempt()])]
        lab = Lab(
            budget=self._config.getoption("claims_budget"),
            in_process=self._config.getoption("claims_in_process"),
            patience=self._config.getoption("claims_lock_timeout"),
            tell=self._tell,
        )
        trial = item.stash[TRIAL] = Trial(claim, lab, _territory(item), attempts)
        unsettled: Inconclusive | NotApplicable | None = None
        result = None
        try:
            result = yield
        except (Inconclusive, NotApplicable) as raised:
            unsettled = raised
        if unsettled is not None:
            trial.decision = decide(unsettled, asserted=False, is_claims_code=lambda _: False)
            self._raise_unless_expected(claim, trial.decision, ())
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Call the claim's function and decide: swallow what was expected, raise what was not."""
        trial = pyfuncitem.stash.get(TRIAL, None)
        if trial is None:
            return (yield)
        __tracebackhide__ = True
        trial.begin_again()
        falsified = what_falsifies()
        if falsified is not None:
            trial.decision = Decision(Verdict.INCONCLUSIVE, falsified)
            self._raise_unless_expected(trial.claim, trial.decision, ())
        error: BaseException | None = None
        result: object = True
        function = _plain_function(pyfuncitem)
        trial.phase, trial.running = "the claim", True
        try:
            given = [*_parameters(pyfuncitem), *pyfuncitem.funcargs.values()]
            with AssertionWatch(trial.territory, function, self._config, given) as watch:
                trial.lab.failed_assertions = lambda: [place.text for place, _ in watch.failed]
                trial.lab.silenced = watch.silenced
                try:
                    result = yield
                except (KeyboardInterrupt, pytest.exit.Exception, bdb.BdbQuit):
                    raise  # no verdict, and no error either: the run was stopped
                except BaseException as raised:  # noqa: BLE001  (the verdict depends on what it is)
                    error = raised
        finally:
            trial.running = False
        trial.decision = self._decision(pyfuncitem, trial, error, watch)
        trial.observations += _observations(error, trial.decision, watch)
        pytest_benchmark.show(
            pyfuncitem,
            claim=trial.claim.id,
            timings=trial.lab.timings,
        )
        self._raise_unless_expected(trial.claim, trial.decision, trial.disturbances)
        return result

    def _tell(self, line: str) -> None:
        """Show a line in the terminal, past what pytest captures; a worker of pytest-xdist has its errors only.

        And that once, as the workers of a run wait for each other all the time.
        """
        if self._told and hasattr(self._config, "workerinput"):
            return
        self._told = True
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture is not None else nullcontext():
            sys.stderr.write(f"\nconcclaims: {line}\n")
            sys.stderr.flush()

    def _decision(
        self,
        item: pytest.Function,
        trial: Trial,
        error: BaseException | None,
        watch: AssertionWatch,
    ) -> Decision:
        """Return the verdict, with all that can take it away."""

        def is_claims_code(frame: FrameType) -> bool:
            return trial.territory.holds(frame.f_code.co_filename, frame.f_globals)

        decision = decide(error, asserted=bool(watch.held), is_claims_code=is_claims_code)
        if trial.disturbances:
            # An assertion that fails in a thread must not leave its claim confirmed.
            return Decision(Verdict.ERROR, trial.disturbances[0].phrase())
        if item.get_closest_marker("xfail") is not None:
            return Decision(Verdict.ERROR, "it was marked xfail while it ran; say the expected verdict with refuted")
        caught = [place for place, failure in watch.failed if failure is not error]
        if caught and (error is None or decision.verdict is not Verdict.ERROR):
            text = f"an assertion failed, and the failure was caught: {caught[0].text}; let it end the claim"
            return Decision(Verdict.ERROR, text)
        if trial.lab.unsettled is not None and (decision.verdict.reached or error is None):
            decision = decide(trial.lab.unsettled, asserted=False, is_claims_code=is_claims_code)
        if decision.verdict.reached and trial.lab.void is not None:
            return Decision(Verdict.ERROR, trial.lab.void)
        if decision.verdict.reached and gil_enabled() != self._gil:
            decision = Decision(Verdict.INCONCLUSIVE, GIL_CAME_BACK)
        if any(attempt.verdict != decision.verdict.value for attempt in trial.attempts):
            words = [Verdict(attempt.verdict).word for attempt in trial.attempts] + [decision.verdict.word]
            return Decision(Verdict.ERROR, f"attempts at the same claim disagree: {', '.join(words)}")
        return decision

    def _raise_unless_expected(self, claim: Claim, decision: Decision, disturbances: Sequence[Raised]) -> None:
        __tracebackhide__ = True
        if decision.verdict is claim.expected:
            return
        if decision.verdict is Verdict.INCONCLUSIVE:
            if self._config.getoption("claims_strict"):
                pytest.fail(f"INCONCLUSIVE, and --claims-strict is given: {decision.reason}", pytrace=False)
            pytest.skip(f"INCONCLUSIVE: {decision.reason}")
        if decision.verdict is Verdict.CONFIRMED:
            pytest.fail(f"CONFIRMED, expected REFUTED because {claim.expected_reason}", pytrace=False)
        if decision.cause is not None:
            raise decision.cause
        if decision.verdict is Verdict.NOT_APPLICABLE:
            pytest.skip(str(decision.reason))
        details = "\n".join(item.traceback.rstrip() for item in disturbances)
        pytest.fail(
            f"{decision.verdict.word}: {decision.reason}" + (f"\n{details}" if details else ""), pytrace=False
        )

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the result into the report, and take a verdict back that set-up or teardown make void."""
        report = yield
        trial = item.stash.get(TRIAL, None)
        if trial is None:
            return report
        if trial.running:  # a subtest's report
            if call.excinfo is not None:  # it failed, or was skipped: then a part of the claim was not looked at
                trial.disturbances.append(_raised("a subtest", call.excinfo.value))
            return report
        trial.duration += report.duration
        _take_back(trial, report, call)
        _decorate(item, trial, report)
        if report.when == "teardown":
            trial.let_go()
        return report


def _take_back(trial: Trial, report: pytest.TestReport, call: pytest.CallInfo[None]) -> None:
    """Turn whatever happened around the call into the claim's end."""
    where = {"setup": "set-up", "call": "the claim", "teardown": "teardown"}[str(report.when)]
    if hasattr(report, "wasxfail"):
        reason = f"xfail on a claim, in {where}; say the expected verdict with refuted"
        del report.wasxfail
        report.outcome, report.longrepr = "failed", reason
        trial.decision = Decision(Verdict.ERROR, reason)
    elif report.failed and _stands(trial, report):
        error = call.excinfo.value if call.excinfo is not None else None
        if error is None:
            reason = f"another plugin failed {where}: {report.longreprtext}"
        else:
            trial.observations.append(_raised(where, error))
            reason = trial.observations[-1].phrase()
        trial.decision = Decision(Verdict.ERROR, reason)
    elif report.skipped and report.when == "setup" and trial.decision is None:
        skipped = call.excinfo.value if call.excinfo is not None else None
        trial.decision = Decision(Verdict.NOT_APPLICABLE, str(skipped or "") or "no reason was given", skipped)
    elif report.when == "teardown" and trial.disturbances and not _is_error(trial.decision):
        reason = trial.disturbances[0].phrase()
        report.outcome = "failed"
        report.longrepr = "\n".join(["ERROR: " + reason, *(piece.traceback for piece in trial.disturbances)])
        trial.decision = Decision(Verdict.ERROR, reason)


def _is_error(decision: Decision | None) -> bool:
    return decision is not None and decision.verdict is Verdict.ERROR


def _stands(trial: Trial, report: pytest.TestReport) -> bool:
    """Return whether a failure is one that the decision does not know of yet."""
    if report.when == "teardown" or trial.decision is None:
        return True
    return trial.decision.verdict is trial.claim.expected


def _decorate(item: pytest.Item, trial: Trial, report: pytest.TestReport) -> None:
    claim, decision = trial.claim, trial.decision
    result = trial.result() or trial.unfinished()
    setattr(report, REPORT_ATTRIBUTE, json.dumps({"decided": decision is not None, "result": result.to_json()}))
    statement = claim.statement.encode("utf-8", "backslashreplace").decode("utf-8")  # what xdist can send
    properties = {"claim": claim.id, "statement": statement, "expected": claim.expected.value}
    if decision is not None:
        properties["verdict"] = decision.verdict.value
    report.user_properties = [*report.user_properties, *properties.items()]
    if decision is not None and decision.cause is None and report.skipped:  # by this module's own skip
        path, line, _ = item.reportinfo()
        word = "INCONCLUSIVE: " if decision.verdict is Verdict.INCONCLUSIVE else ""
        report.longrepr = (str(path), (line or 0) + 1, f"{word}{decision.reason}")
    if report.when == "call" and report.failed:
        lines = [f'"{harmless(claim.statement)}"', f"is {result.verdict.word}, expected {claim.expected.word}"]
        lines += [f"{claim.id}, {claim.location}"]
        lines += [f"- {harmless(piece.phrase())}" for piece in result.evidence]
        report.sections.append(("claim", "\n".join(lines)))


# --- around the call


def _plain_function(item: pytest.Function) -> FunctionType:
    function = inspect.unwrap(item.function)
    while hasattr(function, "func"):  # functools.partial
        function = function.func
    assert isinstance(function, FunctionType), f"pytest collects functions only, not {function!r}"
    return function


def _parameters(item: pytest.Function) -> Collection[object]:
    """Return the values that ``parametrize`` gives to a claim."""
    return item.callspec.params.values() if hasattr(item, "callspec") else ()


def _territory(item: pytest.Function) -> Territory:
    suite = item.getparent(SuiteModule)
    paths = sysconfig.get_paths()
    installed = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return Territory(
        module=_plain_function(item).__code__.co_filename,
        folder=None if suite is None else str(suite.path.parent),
        root=str(item.config.rootpath),
        foreign=(*sorted(installed), str(_PACKAGE)),
    )


def _observations(error: BaseException | None, decision: Decision, watch: AssertionWatch) -> list[Evidence]:
    """Return the evidence that the assertions are, and an exception that ended the claim in ERROR."""
    found: list[Evidence] = [Assertion(True, place.text, _shown(place)) for place in watch.held]
    for place, failure in watch.failed:
        found.append(Assertion(False, place.text, _shown(place), str(failure)))
    noted = any(failure is error for _, failure in watch.failed)
    if error is not None and decision.verdict is Verdict.REFUTED and not noted:
        raised = traceback.extract_tb(error.__traceback__)[-1]  # by hand: raise AssertionError(...)
        place = Place(raised.filename, raised.lineno or 0, raised.line or type(error).__name__)
        found.append(Assertion(False, place.text, _shown(place), str(error)))
    elif decision.verdict is Verdict.ERROR and error is not None:
        found.append(_raised("the claim", error))
    return found


def _shown(place: Place) -> str:
    return f"{Path(place.filename).name}:{place.line}"
