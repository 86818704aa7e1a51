"""Stories: the steps that people read, made from visits."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_concclaims.lab.race.schedules.story import MAX_STEPS, Visit, story
from pytest_concclaims.records.interleaving import Step, waiting

CODE = """\
def audit(text):
    lines.append(text)
    return None

def deposit(account):
    seen = account.balance
    audit(seen)
    account.balance = seen + 5

@decorated
def retry(account):
    while account.busy:
        audit("busy")
    account.balance += 8
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Return the name of a file with ``CODE``."""
    path = tmp_path / "bank" / "account.py"
    path.parent.mkdir()
    path.write_text(CODE, encoding="utf-8")
    return str(path)


def ran(actor: int, file: str, *lines: int, end: str | None = None) -> list[Visit]:
    """Return the visits of an actor to these lines; the last one has an event."""
    events = [*[None] * (len(lines) - 1), end]
    return [Visit(actor, file, line, event) for line, event in zip(lines, events)]


def events_of(steps: list[Step]) -> list[tuple[int, int, str | None]]:
    """Return actor, line and event of each step."""
    return [(step.actor, step.line, step.event) for step in steps]


def folds(steps: list[Step]) -> list[str]:
    """Return the texts of steps that stand for several lines."""
    return [step.text for step in steps if step.event == "folded"]


def test_steps_are_in_the_order_in_which_lines_ran_and_have_their_text(file: str) -> None:
    """The text has no indentation, and each step has its event."""
    steps = story([*ran(0, file, 6, end="preempted"), *ran(1, file, 6, 8, end="returned"), *ran(0, file, 8)])
    assert [(step.actor, step.line, step.text, step.event) for step in steps] == [
        (0, 6, "seen = account.balance", "preempted"),
        (1, 6, "seen = account.balance", None),
        (1, 8, "account.balance = seen + 5", "returned"),
        (0, 8, "account.balance = seen + 5", None),
    ]
    assert {step.file for step in steps} == {"bank/account.py"}


def test_files_are_named_as_people_know_them(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the current folder, or by the last two parts. A name that is not a path stays as it is."""
    names = [file, str(Path(file).parents[1] / "app.py"), "/usr/lib/python3/queue.py", "<string>", "<frozen os>"]
    monkeypatch.chdir(Path(file).parents[1])
    steps = [story([Visit(0, name, 6)]) for name in names]
    assert [step.file for (step,) in steps] == [
        "bank/account.py",
        "app.py",
        "python3/queue.py",
        "<string>",
        "<frozen os>",
    ]


def test_unknown_source_has_no_text() -> None:
    """For example that of code made from a string."""
    assert story([Visit(0, "<string>", 3)]) == [Step(0, "<string>", 3, "")]


def test_event_in_code_without_source_is_shown_in_its_caller(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For example in a property of a ``multiprocessing.Value``, even if linecache has the text of ``python -c``."""
    monkeypatch.setitem(linecache.cache, "<string>", (9, None, ["main()\n"] * 9, "<string>"))
    visits = [
        *ran(0, file, 6),
        *ran(0, "<string>", 3, 4, end="preempted"),
        *ran(1, file, 7),
        *ran(0, "<string>", 5, 7),
    ]
    steps = story([*visits, *ran(0, file, 8)])
    assert events_of(steps) == [(0, 6, "preempted"), (1, 7, None), (0, 6, "goes on"), (0, 8, None)]
    assert {step.file for step in steps} == {story(ran(0, file, 6))[0].file}


def test_long_lines_are_shortened(tmp_path: Path) -> None:
    """They fit into a row."""
    path = tmp_path / "long.py"
    path.write_text("x = " + "1 + " * 100 + "1\n", encoding="utf-8")
    (step,) = story([Visit(0, str(path), 1)])
    assert step.text.endswith("...")
    assert len(step.text) == 120


def test_no_visits_give_no_steps() -> None:
    """Actors in C have no lines."""
    assert story([]) == []


# --- lines that go on


def test_line_goes_on_after_a_switch(file: str) -> None:
    """The actor was preempted within it."""
    steps = story([*ran(0, file, 6, end="preempted"), *ran(1, file, 6), *ran(0, file, 6, 7)])
    assert events_of(steps) == [(0, 6, "preempted"), (1, 6, None), (0, 6, "goes on"), (0, 7, None)]


def test_line_goes_on_after_a_call(file: str) -> None:
    """A function that is called again does not go on."""
    steps = story(ran(0, file, 7, 2, 3, 7, 8, 2, 3, 8))
    assert [step.event for step in steps] == [None, None, None, "goes on", None, None, None, "goes on"]


def test_line_goes_on_after_a_switch_within_a_call(file: str) -> None:
    """First the line of the called function, then the line that called it."""
    steps = story([*ran(0, file, 7, 2, end="preempted"), *ran(1, file, 6), *ran(0, file, 2, 3, 7)])
    assert events_of(steps)[3:] == [(0, 2, "goes on"), (0, 3, None), (0, 7, "goes on")]


def test_loop_does_not_go_on_with_its_lines(file: str) -> None:
    """It begins them again."""
    assert [step.event for step in story(ran(0, file, 12, 13, 12, 14))] == [None] * 4


def test_other_events_replace_goes_on(file: str) -> None:
    """A line has one event."""
    steps = story([*ran(0, file, 6, end="blocked"), *ran(1, file, 6), *ran(0, file, 6, end="raised ValueError")])
    assert events_of(steps)[-1] == (0, 6, "raised ValueError")


def test_actors_that_wait_at_the_end_are_known(file: str) -> None:
    """In a deadlock, each actor has a line in which it waits."""
    steps = story([*ran(1, file, 6, 8, end="blocked"), *ran(0, file, 6, 7, end="blocked")])
    assert [(step.actor, step.line) for step in waiting(steps)] == [(0, 7), (1, 8)]
    assert waiting(story([*ran(0, file, 6, end="blocked"), *ran(1, file, 6), *ran(0, file, 6)])) == []


# --- what is left out


def test_heads_of_functions_are_left_out(file: str) -> None:
    """Interpreters differ in whether a call begins there. A head with an event is shown."""
    assert [step.line for step in story(ran(0, file, 5, 6, 7, 1, 2, 3, 7))] == [6, 7, 2, 3, 7]
    assert [step.line for step in story(ran(0, file, 10, 11, 12))] == [12]
    assert [step.line for step in story([*ran(0, file, 5, end="preempted"), *ran(0, file, 5, 6)])] == [5, 6]


def test_function_on_one_line_is_shown(tmp_path: Path) -> None:
    """Its head is its body."""
    path = tmp_path / "short.py"
    path.write_text("def add(x): return x + 1\n", encoding="utf-8")
    assert [step.line for step in story([Visit(0, str(path), 1), Visit(0, str(path), 1)])] == [1]


def test_instruction_without_a_line_is_left_out(file: str) -> None:
    """Compilers make some."""
    assert [step.line for step in story(ran(0, file, 6, 0, 7))] == [6, 7]


def test_successive_visits_to_one_line_are_one_step(file: str) -> None:
    """For example those of a comprehension. The step has the event of the last one."""
    assert events_of(story(ran(0, file, 6, 6, 6, end="returned"))) == [(0, 6, "returned")]


def test_many_visits_to_one_line_are_counted(file: str) -> None:
    """For example those of a loop on one line."""
    steps = story(ran(0, file, *[6] * 100, end="preempted"))
    assert events_of(steps) == [(0, 6, None), (0, 6, "folded"), (0, 6, "preempted")]
    assert folds(steps) == ["... 99 more rounds of this line"]


def test_rounds_of_a_loop_are_folded(file: str) -> None:
    """The text has their number. Few rounds are all shown."""
    steps = story(ran(0, file, *[12, 13, 2, 3, 13] * 50, 12, 14))
    assert [step.line for step in steps] == [12, 13, 2, 3, 13, 13, 12, 14]
    assert folds(steps) == ["... 49 more rounds of these 5 lines"]
    assert folds(story(ran(0, file, *[12, 13] * 3, 12, 14))) == []


def test_rounds_of_several_actors_in_turns_are_folded(file: str) -> None:
    """For example if two wait for each other again and again."""
    turn = [*ran(0, file, 12, 13, end="preempted"), *ran(1, file, 7, end="blocked")]
    steps = story(turn * 30)
    assert folds(steps) == ["... 29 more rounds of these 3 lines, in turns"]
    assert len(steps) == 4


def test_loops_within_loops_are_folded() -> None:
    """Even if the inner one has another number of rounds each time."""
    visits = [visit for rounds in range(10, 40) for visit in ran(0, "<string>", 6, *[12, 13] * rounds, 14)]
    assert folds(story(visits)) == ["... 9 more rounds of these 2 lines", "... 29 more rounds of these 4 lines"]


def test_recursion_is_folded(file: str) -> None:
    """Both the calls and the returns are folded."""
    assert len(story(ran(0, file, *[6, 7] * 100, *[8] * 100))) < 8


def test_switches_within_a_loop_are_shown(file: str) -> None:
    """A round with a switch is not folded."""
    rounds = ran(0, file, *[12, 13] * 50)
    steps = story([*rounds, *ran(0, file, 12, end="preempted"), *ran(1, file, 6), *ran(0, file, 12, 13), *rounds])
    assert (0, 12, "preempted") in events_of(steps)
    assert (0, 12, "goes on") in events_of(steps)
    assert len(steps) < 15


def test_long_story_is_shortened_around_its_switches(tmp_path: Path) -> None:
    """Each gap has the number of missing lines."""
    path = tmp_path / "many.py"
    path.write_text("".join(f"a{number} = 0\n" for number in range(5_000)), encoding="utf-8")
    lines = list(range(1, 2_001))
    visits = [
        *ran(0, str(path), *lines, end="preempted"),
        *ran(1, str(path), 3_000),
        *ran(0, str(path), 2_001, 2_002),
    ]
    steps = story(visits)
    assert 100 < len(steps) <= MAX_STEPS
    assert [step.line for step in steps[-5:]] == [1_999, 2_000, 3_000, 2_001, 2_002]
    missing = sum(int(text.split()[1].replace(",", "")) for text in folds(steps))
    assert len(steps) - len(folds(steps)) + missing == len(visits)


# --- of real code


def traced(code: str, folder: Path) -> list[Visit]:
    """Run a module's function ``run`` and return its visits."""
    path = folder / "traced.py"
    path.write_text(dedent(code), encoding="utf-8")
    names: dict[str, Callable[[], object]] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    visits: list[Visit] = []
    places: list[object] = [None]

    def trace(frame: object, what: str, argument: object) -> object:
        from types import FrameType

        assert isinstance(frame, FrameType)
        frame.f_trace_opcodes = True
        place = (id(frame), frame.f_lineno)
        if place != places[-1] and frame.f_code.co_filename == str(path):
            places.append(place)
            visits.append(Visit(0, str(path), frame.f_lineno or 0))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]  # a trace function is its own local one
    try:
        names["run"]()
    finally:
        sys.settrace(before)
    return visits


@pytest.mark.interpreter
@pytest.mark.untraced
def test_story_of_real_code_is_the_same_on_each_interpreter(tmp_path: Path) -> None:
    """Calls, a property, a loop and an exception."""
    visits = traced(
        """
        class Account:
            def __init__(self):
                self.balance = 0

            @property
            def shown(self):
                return self.balance

        def run():
            account = Account()
            for number in range(50):
                account.balance = account.shown + number
            try:
                account.missing
            except AttributeError:
                pass
        """,
        tmp_path,
    )
    texts = [(step.text, step.event) for step in story(visits)]
    assert texts == [
        ("account = Account()", None),
        ("self.balance = 0", None),
        ("account = Account()", "goes on"),
        ("for number in range(50):", None),
        ("account.balance = account.shown + number", None),
        ("return self.balance", None),
        ("account.balance = account.shown + number", "goes on"),
        ("... 49 more rounds of these 4 lines", "folded"),
        ("for number in range(50):", None),
        ("try:", None),
        ("account.missing", None),
        ("except AttributeError:", None),
        ("pass", None),
    ]
