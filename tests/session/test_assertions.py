"""Which assertions are noticed, and that watching them changes nothing else."""

from __future__ import annotations

import importlib
import itertools
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest
from _pytest.assertion import rewrite

from pytest_concclaims import gil_enabled
from pytest_concclaims.interpreter import PYPY
from pytest_concclaims.session.assertions import AssertionWatch, Territory, assertions_noted

pytestmark = [pytest.mark.interpreter, pytest.mark.plugin]

Load = Callable[..., ModuleType]
Watch = Callable[..., AssertionWatch]
_numbers = itertools.count()


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Return what writes and imports modules, treated by pytest as test modules are or not."""

    def load(
        source: str, *, rewritten: bool = True, shown: bool = True, folder: str = ".", encoding: str = "utf-8"
    ) -> ModuleType:
        name = f"watched_{next(_numbers)}"
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.py").write_text(dedent(source), encoding=encoding)
        monkeypatch.setattr(sys, "path", [str(tmp_path / folder), *sys.path])
        importlib.invalidate_caches()
        if rewritten:
            pytest.register_assert_rewrite(name)
        module = importlib.import_module(name)
        assert ("@pytest_ar" in vars(module)) is (rewritten and shown)
        # It does not outlive the test, as the watch looks at all modules.
        monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))
        return module

    with assertions_noted(tmp_path):
        yield load


@pytest.fixture
def watch() -> Watch:
    """Return what makes a watch for a module's claims."""

    def watch(module: ModuleType, territory: Territory | None = None) -> AssertionWatch:
        return AssertionWatch(territory or territory_of(module))

    return watch


@pytest.fixture
def watched(watch: Watch) -> Watch:
    """Return what runs and watches the ``claim`` of a module."""

    def watched(module: ModuleType, territory: Territory | None = None) -> AssertionWatch:
        with watch(module, territory) as found, suppress(AssertionError):
            module.claim()
        return found

    return watched


def territory_of(module: ModuleType, folder: str | None = None) -> Territory:
    """Return the territory of claims in a module, whose project is its folder."""
    return Territory(str(module.__file__), folder, str(Path(str(module.__file__)).parent), ())


def held(watch: AssertionWatch) -> list[str]:
    """Return the texts of the assertions that held."""
    return [place.text for place in watch.held]


def failed(watch: AssertionWatch) -> list[str]:
    """Return the texts of the assertions that failed."""
    return [place.text for place, _ in watch.failed]


SHAPES = {
    "one that holds": ("def claim():\n    x = 1\n    assert x == 1", ["assert x == 1"]),
    "with a message": ("def claim():\n    x = 1\n    assert x == 1, 'so'", ["assert x == 1, 'so'"]),
    "two": ("def claim():\n    x = 1\n    assert x\n    assert x == 1", ["assert x", "assert x == 1"]),
    "over several lines": (
        "def claim():\n    x = 1\n    assert (\n        x\n        == 1\n    ), (\n        'so'\n    )",
        ["assert ( x == 1 ), ( 'so' )"],
    ),
    "with its operands on other lines": (
        "def claim():\n    x = [1]\n    assert all(\n        y == 1\n        for y in x\n    )",
        ["assert all( y == 1 for y in x )"],
    ),
    "not reached": ("def claim():\n    x = 1\n    if x == 2:\n        assert x", []),
    "after a return": ("def claim():\n    x = 1\n    if x:\n        return\n    assert x", []),
    "one of two branches": (
        "def claim():\n    x = 1\n    if x:\n        assert x\n    else:\n        assert not x",
        ["assert x"],
    ),
    "in a loop over something": ("def claim():\n    for x in [1, 2]:\n        assert x", ["assert x"]),
    "in a loop over nothing": ("def claim():\n    for x in []:\n        assert x", []),
    "on the line of a loop over nothing": ("def claim():\n    for x in []: assert x", []),
    "in a function on one line": ("def check(x): assert x\ndef claim():\n    check(1)", ["def check(x): assert x"]),
    "in a decorated function on one line": (
        "import functools\n@functools.lru_cache()\ndef check(x): assert x\ndef claim():\n    check(1)",
        ["def check(x): assert x"],
    ),
    "in a function on one line that is not called": ("def check(x): assert x\ndef claim():\n    check", []),
    "on the line of a nested function's head": ("def claim():\n    def check(x): assert x\n    return check", []),
    "after another statement": ("def claim():\n    x = 1; assert x", ["x = 1; assert x"]),
    "raises as a block": (
        "import pytest\ndef claim():\n    with pytest.raises(KeyError):\n        {}['x']",
        ["with pytest.raises(KeyError)"],
    ),
    "raises on one line": (
        "import pytest\ndef claim():\n    with pytest.raises(KeyError): {}['x']",
        ["with pytest.raises(KeyError): {}['x']"],
    ),
    "raises by name, over several lines": (
        "from pytest import raises\ndef claim():\n    with raises(\n        KeyError\n    ) as it:\n        {}['x']",
        ["with raises( KeyError ) as it"],
    ),
    "raises as a call": (
        "import pytest\ndef claim():\n    pytest.raises(ValueError, int, 'x')",
        ["pytest.raises(ValueError, int, 'x')"],
    ),
    "raises as a call with a result": (
        "import pytest\ndef claim():\n    caught = pytest.raises(ValueError, int, 'x')",
        ["caught = pytest.raises(ValueError, int, 'x')"],
    ),
    "warns": (
        "import pytest, warnings\ndef claim():\n    with pytest.warns(UserWarning):\n        warnings.warn('x')",
        ["with pytest.warns(UserWarning)"],
    ),
    "in another thread": (
        """
        import threading
        def check():
            x = 1
            assert x
        def claim():
            thread = threading.Thread(target=check)
            thread.start()
            thread.join()
        """,
        ["assert x"],
    ),
    "in a function": ("def check(x):\n    assert x\ndef claim():\n    check(1)", ["assert x"]),
    "in a function that is not called": ("def check(x):\n    assert x\ndef claim():\n    check", []),
    "in a nested function": ("def claim():\n    def check(x):\n        assert x\n    check(1)", ["assert x"]),
    "in a closure": (
        "def make():\n    def inner(x):\n        assert x\n    return inner\nf = make()\ndef claim():\n    f(1)",
        ["assert x"],
    ),
    "in a method of a local class": (
        "def claim():\n    class Local:\n        def check(self):\n            assert self\n    Local().check()",
        ["assert self"],
    ),
    "in methods": (
        """
        class Checks:
            def plain(self, x):
                assert x == 1
            @staticmethod
            def static(x):
                assert x == 2
            @classmethod
            def of_class(cls, x):
                assert x == 3
            @property
            def property(self):
                assert self is not None
            @property.setter
            def property(self, x):
                assert x == 5
            class Inner:
                def plain(self, x):
                    assert x == 6
        def claim():
            checks = Checks()
            checks.plain(1)
            checks.static(2)
            checks.of_class(3)
            checks.property
            checks.property = 5
            checks.Inner().plain(6)
        """,
        [
            "assert x == 1",
            "assert x == 2",
            "assert x == 3",
            "assert self is not None",
            "assert x == 5",
            "assert x == 6",
        ],
    ),
    "in a context manager": (
        """
        import contextlib
        @contextlib.contextmanager
        def checked(x):
            assert x == 1
            yield
            assert x == 2 - 1
        def claim():
            with checked(1):
                pass
        """,
        ["assert x == 1", "assert x == 2 - 1"],
    ),
    "in a generator": (
        "def numbers():\n    x = 1\n    assert x\n    yield x\ndef claim():\n    list(numbers())",
        ["assert x"],
    ),
    "in a coroutine": (
        "import asyncio\nasync def check(x):\n    assert x\ndef claim():\n    asyncio.run(check(1))",
        ["assert x"],
    ),
    "in cached functions": (
        """
        import functools
        @functools.lru_cache(maxsize=None)
        def check(x):
            assert x
            return x
        class Checks:
            @functools.cached_property
            def all(self):
                assert self is not None
        def claim():
            check(1)
            Checks().all
        """,
        ["assert x", "assert self is not None"],
    ),
    "in partial functions": (
        "import functools\ndef make(x):\n    assert x\nmake = functools.partial(make, 1)\ndef claim():\n    make()",
        ["assert x"],
    ),
    "in what a fixture returns": (
        """
        import inspect
        import pytest
        @pytest.fixture
        def check():
            def check(x):
                assert x
            return check
        def claim():
            inspect.unwrap(check)()(1)
        """,
        ["assert x"],
    ),
    "beside objects that have any attribute": (
        """
        from unittest import mock
        anything = mock.call
        other = mock.MagicMock()
        class Strange:
            def __getattr__(self, name):
                raise LookupError(name)
            __slots__ = ()
        strange = Strange()
        def claim():
            x = 1
            assert x
        """,
        ["assert x"],
    ),
    "in a method that calls super": (
        """
        class Base:
            def check(self):
                return 1
        class Checks(Base):
            def check(self):
                assert super().check() == 1
        def claim():
            Checks().check()
        """,
        ["assert super().check() == 1"],
    ),
    "beside nonlocal names": (
        """
        def claim():
            count = 0
            def add():
                nonlocal count
                count += 1
                assert count
            add()
            assert count == 1
        """,
        ["assert count", "assert count == 1"],
    ),
    "in what raises waits for": (
        """
        import pytest
        def claim():
            with pytest.raises(KeyError):
                x = {}
                assert x == {}
                x["x"]
        """,
        ["assert x == {}", "with pytest.raises(KeyError)"],
    ),
    "raises that returns on its way": (
        """
        import pytest
        def claim():
            with pytest.raises(KeyError):
                return {}["x"]
        """,
        ["with pytest.raises(KeyError)"],
    ),
    "under break and continue": (
        """
        def claim():
            for x in [1, 2, 3, 4]:
                if x == 1:
                    continue
                assert x == 2
                break
            else:
                assert x == 4
        """,
        ["assert x == 2"],
    ),
    "after a form feed": ("PAGE = '\x0c \u2028'\ndef claim():\n    x = 1\n    assert x\n    y = 2", ["assert x"]),
}


#: What pytest makes of a module: it shows the values in its assertions, or by this word in its docstring it does not.
HEADS = pytest.mark.parametrize("head", ["", "'PYTEST_DONT_REWRITE'\n"], ids=["rewritten", "left as it is"])


@HEADS
@pytest.mark.parametrize(("source", "expected"), SHAPES.values(), ids=SHAPES)
def test_held(load: Load, watched: Watch, source: str, expected: list[str], head: str) -> None:
    """Assertions that are evaluated and hold are noted, whether pytest shows their values or not."""
    found = watched(load(head + dedent(source), shown=not head))
    assert (held(found), found.failed) == (expected, [])


def test_raises_beside_another_manager(load: Load, watch: Watch) -> None:
    """It holds if it saw the exception, and not if the manager before it has swallowed one, or its failure."""
    module = load(
        """
        import contextlib
        import pytest as pt
        def claim(error, expected, swallowed):
            with contextlib.suppress(swallowed), pt.raises(expected), contextlib.nullcontext():
                if error is not None:
                    raise error
        """
    )
    text = "with contextlib.suppress(swallowed), pt.raises(expected), contextlib.nullcontext()"
    for arguments, seen in {
        (KeyError("x"), KeyError, ZeroDivisionError): ([text], []),
        (ValueError("x"), KeyError, ValueError): ([], []),
        (None, KeyError, BaseException): ([], [text]),
    }.items():
        with watch(module) as found:
            module.claim(*arguments)
        assert (held(found), failed(found)) == seen


FAILURES = {
    "an assertion": ("assert x == 2", "assert x == 2"),
    "one that cannot hold": ("assert False, 'so'", "assert False, 'so'"),
    "one over several lines": ("assert (\n        x == 2\n    )", "assert ( x == 2 )"),
    "one that was caught": ("try:\n        assert x == 2\n    except AssertionError:\n        pass", "assert x == 2"),
}


@HEADS
@pytest.mark.parametrize(("body", "text"), FAILURES.values(), ids=FAILURES)
def test_failed(load: Load, watched: Watch, body: str, text: str, head: str) -> None:
    """Assertions that fail are noted, and do not count among those that held."""
    found = watched(load(f"{head}def claim():\n    x = 1\n    {body}\n", shown=not head))
    assert (held(found), failed(found)) == ([], [text])


@pytest.mark.parametrize(
    "assertion", ["with pytest.raises(KeyError):\n        pass", "pytest.raises(KeyError, len, '')"]
)
def test_raises_that_saw_nothing(load: Load, watch: Watch, assertion: str) -> None:
    """``pytest.raises`` that sees nothing is a failed assertion."""
    module = load(f"import pytest\ndef claim():\n    {assertion}\n")
    with watch(module) as found, pytest.raises(pytest.fail.Exception) as caught:
        module.claim()
    assert [error for _, error in found.failed] == [caught.value]
    assert not found.held


def test_other_errors(load: Load, watch: Watch) -> None:
    """An error while an assertion is worked out is no failed assertion, nor one that held."""
    module = load("def claim():\n    assert {}['x']\n")
    with watch(module) as found, pytest.raises(KeyError):
        module.claim()
    assert (held(found), failed(found)) == ([], [])


def test_failure_is_told_once(load: Load, watched: Watch) -> None:
    """A failure that passes several assertions on its way is that of the first."""
    found = watched(load("def check(x):\n    assert not x\n    return x\ndef claim():\n    assert check(1)\n"))
    assert failed(found) == ["assert not x"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig"])
def test_encoding(load: Load, watched: Watch, encoding: str) -> None:
    """Sources are read in their own encoding."""
    cookie = encoding.replace("-sig", "")
    module = load(f"# -*- coding: {cookie} -*-\ndef claim():\n    x = 'é'\n    assert x == 'é'", encoding=encoding)
    assert held(watched(module)) == ["assert x == 'é'"]


def test_places(load: Load, watched: Watch) -> None:
    """An assertion is noted once, with its file and the line that it begins on."""
    module = load(
        "def claim():\n    x = 1\n    for _ in range(3):\n        assert x\n    assert (\n        x\n    )\n"
    )
    places = [(place.filename, place.line, place.text) for place in watched(module).held]
    assert places == [(module.__file__, 4, "assert x"), (module.__file__, 5, "assert ( x )")]


def test_without_source(load: Load, watched: Watch) -> None:
    """Code that no source can be read of runs as it is."""
    module = load("ran = []\nexec('def claim():\\n    assert True\\n    ran.append(1)')\n")
    assert held(watched(module)) == []
    assert module.ran == [1]


# --- whose assertions


HELPER = "def check(x):\n    assert x\n"


def calling(helper: ModuleType) -> str:
    """Return the source of a claim that calls another module's function."""
    return f"import {helper.__name__} as helper\ndef claim():\n    helper.check(1)\n"


@pytest.mark.parametrize(("rewritten", "expected"), [(True, ["assert x"]), (False, [])])
def test_helper_module(load: Load, watched: Watch, rewritten: bool, expected: list[str]) -> None:
    """A project's other modules belong to its claims if pytest treats them as test code."""
    module = load(calling(load(HELPER, rewritten=rewritten)))
    assert held(watched(module)) == expected


def test_alike_helper_modules(load: Load, watched: Watch) -> None:
    """Two modules with the same text are two."""
    one, two = load(HELPER), load(HELPER)
    source = f"import {one.__name__}, {two.__name__}\ndef claim():\n"
    source += f"    {one.__name__}.check(1)\n    {two.__name__}.check(1)\n"
    found = watched(load(source))
    assert {place.filename for place in found.held} == {one.__file__, two.__file__}


def test_everything_of_another_module(load: Load, watched: Watch) -> None:
    """``import *`` takes the other module's functions along, and not its marks."""
    helper = load(HELPER)
    module = load(f"from {helper.__name__} import *\ndef claim():\n    assert check\n    check(1)\n")
    assert sorted(held(watched(module))) == ["assert check", "assert x"]


def test_foreign_decorator(load: Load, watched: Watch) -> None:
    """Assertions of a decorator from elsewhere do not count, those of the function that it wraps do."""
    decorator = load(
        """
        import functools
        def checked(function):
            @functools.wraps(function)
            def wrapper(x):
                assert x == 1
                return function(x)
            return wrapper
        """,
        rewritten=False,
    )
    source = f"from {decorator.__name__} import checked\n@checked\n{HELPER}def claim():\n    check(1)\n"
    assert held(watched(load(source))) == ["assert x"]


def test_suite(load: Load, watched: Watch) -> None:
    """A suite's claims are spoken for by all modules of its folder, and by no other."""
    inside, outside = load(HELPER, folder="suite"), load(HELPER)
    module = load(calling(inside) + f"    import {outside.__name__}\n    {outside.__name__}.check(1)", folder="suite")
    folder = str(Path(str(module.__file__)).parent)
    found = watched(module, territory_of(module, folder=folder))
    assert {place.filename for place in found.held} == {inside.__file__}


PROJECT = Territory(str(Path("/p/test_it.py")), None, "/p", ("/p/.venv/lib", "/p/build"))
SUITE = Territory(str(Path("/s/suite/test_it.py")), "/s/suite", "/p", ())


@pytest.mark.parametrize(
    ("territory", "filename", "rewritten", "holds"),
    [
        (PROJECT, "/p/test_it.py", False, True),
        (PROJECT, "/p/tests/helper.py", True, True),
        (PROJECT, "/p/tests/helper.py", False, False),
        (PROJECT, "/p/.venv/lib/plugin.py", True, False),
        (PROJECT, "/p/builder/helper.py", True, True),
        (PROJECT, "/elsewhere/helper.py", True, False),
        (PROJECT, "/prefix/helper.py", True, False),
        (SUITE, "/s/suite/test_it.py", False, True),
        (SUITE, "/s/suite/deeper/helper.py", False, True),
        (SUITE, "/s/suite_b/helper.py", False, False),
        (SUITE, "/p/tests/helper.py", True, False),
    ],
)
def test_territory(territory: Territory, filename: str, rewritten: bool, holds: bool) -> None:
    """A claim is spoken for by its module, and by its suite's or its project's helpers."""
    assert territory.holds(str(Path(filename)), rewritten=rewritten) is holds


# --- what watching leaves


@HEADS
def test_traceback(load: Load, watch: Watch, head: str) -> None:
    """A failure's place, and what pytest says about it, are as without a watch."""
    module = load(f"{head}def claim():\n    x = [1]\n    assert x == [2]\n", shown=not head)

    def failure() -> tuple[str, str, int | None, str | None]:
        with pytest.raises(AssertionError) as caught:
            module.claim()
        frame = traceback.extract_tb(caught.value.__traceback__)[-1]
        return str(caught.value), frame.name, frame.lineno, frame.line

    before = failure()
    with watch(module) as found:
        assert failure() == before
    assert failed(found) == ["assert x == [2]"]
    assert before[0].startswith("assert [1] == [2]") is not bool(head)


def test_after_the_end(load: Load, watch: Watch) -> None:
    """After the block nothing is noted any more, also if it was left with an error."""
    module = load("def claim():\n    x = 1\n    assert x\n    raise LookupError('at the end')\n")
    with pytest.raises(LookupError), watch(module) as found:
        module.claim()
    assert held(found) == ["assert x"]
    with watch(module) as later:
        pass
    with pytest.raises(LookupError):
        module.claim()
    assert (held(found), held(later)) == (["assert x"], [])


def test_twice(load: Load, watched: Watch) -> None:
    """A claim can be watched again, and another one of its module."""
    module = load("def claim():\n    x = 1\n    assert x\ndef other():\n    x = 2\n    assert x == 2\n")
    assert held(watched(module)) == ["assert x"]
    assert held(watched(module)) == ["assert x"]
    module.claim = module.other  # type: ignore[attr-defined]  # a name of the module above
    assert held(watched(module)) == ["assert x == 2"]


def test_functions_keep_what_they_have(load: Load, watched: Watch) -> None:
    """Functions stay the objects they are, with their defaults and attributes."""
    source = (
        "def check(x, y=1, *, z=2):\n    'Check.'\n    assert x == y < z\ncheck.tag = 5\ndef claim():\n    check(1)\n"
    )
    module = load(source)
    check = module.check
    assert held(watched(module)) == ["assert x == y < z"]
    assert module.check is check
    assert (check.__defaults__, check.__kwdefaults__, check.tag, check.__doc__) == ((1,), {"z": 2}, 5, "Check.")


def test_a_module_that_is_imported_while_something_is_measured(load: Load, watch: Watch) -> None:
    """What holds there meanwhile is no assertion of the claim, either."""
    module = load("def claim(suspended, load):\n    with suspended():\n        load('assert len([]) == 0')\n")
    with watch(module) as found:
        module.claim(found.suspended, load)
    assert held(found) == []


def test_watch_within_a_watch(load: Load, watch: Watch) -> None:
    """A run of pytest within a claim does not take away what the claim asserts."""
    module = load("def claim(x):\n    assert x\n")
    with watch(module) as outer:
        with watch(module) as inner:
            module.claim(1)
        with suppress(AssertionError):
            module.claim(0)
    assert (held(inner), held(outer), failed(outer)) == (["assert x"], [], ["assert x"])


def test_failures_in_unrelated_threads(load: Load, watch: Watch) -> None:
    """What fails in a thread that ran before the claim is no failure of the claim."""
    module = load("def check(x):\n    assert x == 1\ndef claim():\n    pass\n")
    begin, end = threading.Event(), threading.Event()

    def fail() -> None:
        begin.wait()
        with suppress(AssertionError):
            module.check(2)
        end.set()

    thread = threading.Thread(target=fail)
    thread.start()
    with AssertionWatch(territory_of(module), unrelated=frozenset([thread])) as found:
        begin.set()
        assert end.wait(60)
    thread.join()
    assert not found.failed


@pytest.mark.skipif(sys.version_info < (3, 10) or PYPY, reason="threads may take turns anywhere here")
@pytest.mark.skipif(not gil_enabled(), reason="threads need not take turns here")
def test_watch_gives_threads_no_place_to_take_turns(load: Load, watched: Watch) -> None:
    """Updates that a GIL does not lose are not lost in a claim that asserts something within them, either."""
    module = load(
        """
        import sys, threading
        class Account:
            balance = 0
        def deposit(account, rounds):
            for _ in range(rounds):
                balance = account.balance
                assert balance >= 0
                account.balance = balance + 1
        def claim():
            account, before = Account(), sys.getswitchinterval()
            sys.setswitchinterval(1e-6)
            threads = [threading.Thread(target=deposit, args=(account, 50_000)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            sys.setswitchinterval(before)
            assert account.balance == 100_000
        """,
        rewritten=True,
    )
    assert held(watched(module)) == ["assert balance >= 0", "assert account.balance == 100_000"]


def test_what_is_measured_counts_for_nothing(load: Load, watch: Watch) -> None:
    """Assertions that hold while an instrument calls them are not the claim's; those that fail are, as ever."""
    module = load(
        """
        def check(x):
            assert x == 1
        def claim(suspended):
            def own(x):
                assert x != 2
            own(3)
            with suspended():
                check(1)
                own(1)
                try:
                    own(2)
                except AssertionError:
                    pass
        """
    )
    with watch(module) as found:
        module.claim(found.suspended)
    assert (held(found), failed(found)) == (["assert x != 2"], ["assert x != 2"])


def test_no_mark_is_set_while_something_is_measured(load: Load, watch: Watch) -> None:
    """On a free-threaded build a store into a list takes its lock, and would order the threads that are measured."""
    module = load("def check(x):\n    assert x\n")

    class ReadOnly(list[bool]):
        def __setitem__(self, *_: object) -> None:
            raise AssertionError("a mark was set")

    with watch(module) as found, found.suspended():
        vars(module)["_@concclaims_marks"] = ReadOnly(vars(module)["_@concclaims_marks"])
        module.check(1)


@pytest.mark.parametrize(
    "definition",
    [
        "add, sub = lambda a, b: a + b, lambda a, b: a - b",
        "add = lambda a, b: a + b; sub = lambda a, b: a - b",
        "calls = {'add': lambda a, b: a + b, 'sub': lambda a, b: a - b}; add, sub = calls.values()",
    ],
)
def test_functions_on_one_line_are_two(load: Load, watch: Watch, definition: str) -> None:
    """Each does what its source says, watched or not: no function is given another one's code."""
    module = load(f"{definition}\ndef claim():\n    assert add(1, 1) == 2\n    assert sub(1, 1) == 0\n")
    codes = module.add.__code__, module.sub.__code__
    with watch(module) as found:
        module.claim()
    assert held(found) == ["assert add(1, 1) == 2", "assert sub(1, 1) == 0"]
    assert (module.add.__code__, module.sub.__code__) == codes


def test_a_module_that_is_imported_under_two_names(load: Load, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The assertions of both count, each once."""
    module = load("def claim():\n    x = 1\n    assert x\n")
    name = module.__name__
    monkeypatch.delitem(sys.modules, name)
    again = importlib.import_module(name)
    assert again is not module
    for either in ([module], [again], [module, again]):
        with watch(module) as found:
            for each in either:
                each.claim()
        assert held(found) == ["assert x"]


def test_compiled_files_are_not_those_of_other_runs(tmp_path: Path) -> None:
    """A run without this plugin, and one of another project's folder, have files of other names."""
    tails = [rewrite.PYC_TAIL]
    for folder in ("one", "two", "one"):
        with assertions_noted(tmp_path / folder):
            tails.append(rewrite.PYC_TAIL)
    plain, one, two, again = tails
    assert len({plain, one, two}) == 3
    assert (one, rewrite.PYC_TAIL) == (again, plain)
    assert all(tail.endswith(rewrite.PYC_EXT) for tail in tails)


def test_functions_that_are_given(load: Load, watch: Watch) -> None:
    """What parametrize or a fixture gives to a claim is of its code, too: in containers, as methods, as objects."""
    module = load(
        """
        def make(number):
            def check(x):
                assert x > number
            return check
        class Checker:
            def __call__(self, x):
                assert x > 3
        def claim(*checks):
            for check in checks:
                check(9)
        """
    )
    local = {"one": [module.make(1)]}
    checks = [local["one"][0], module.make(2), module.Checker()]
    with watch(module) as found:
        module.claim(*checks)
    assert held(found) == ["assert x > number", "assert x > 3"]


@pytest.mark.filterwarnings("ignore:assertion is always true")
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize(
    "condition",
    [
        *("(1 == 2, 'message')", "[x]", "'text'", "(lambda: x)", "1", "True", "(y == 5 for y in [x])", "f'x is {x}'"),
        *("{'a': x}", "not False", "1 == 1", "(y := True)", "'a' in 'abc'"),
    ],
)
def test_what_is_true_whatever_happens(load: Load, watched: Watch, condition: str) -> None:
    """It asserts nothing, and counts for nothing."""
    module = load(f"def claim():\n    x = 1\n    assert {condition}\n")
    assert held(watched(module)) == []


def other_tracer(*_: object) -> None:
    """Trace nothing, as a debugger's or a coverage tool's trace function."""


def test_beside_a_tracer(load: Load, watched: Watch) -> None:
    """A debugger or a coverage tool is not in the way, and stays."""
    module = load("def claim():\n    x = 1\n    assert x\n")
    before = sys.gettrace()
    sys.settrace(other_tracer)
    try:
        found = watched(module)
        assert sys.gettrace() is other_tracer
    finally:
        sys.settrace(before)
    assert held(found) == ["assert x"]
