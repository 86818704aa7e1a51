"""Which assertions are noticed, and that watching them leaves nothing behind."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from pytest_concclaims.assertions import AssertionWatch, Territory, assertion_lines

#: sys.monitoring, from Python 3.12 on.
monitoring: Any = getattr(sys, "monitoring", None)
TOOLS = (3, 4)

Load = Callable[..., ModuleType]
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def _no_other_tracer() -> Iterator[None]:
    """Keep a coverage tool of these tests themselves from making each watch blind."""
    before = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(before)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Return what writes and imports modules, treated by pytest as test modules are or not."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])

    def load(source: str, *, rewritten: bool = False, folder: str = ".", encoding: str = "utf-8") -> ModuleType:
        name = f"watched_{next(_numbers)}"
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.py").write_text(dedent(source), encoding=encoding)
        monkeypatch.setattr(sys, "path", [str(tmp_path / folder), *sys.path])
        importlib.invalidate_caches()
        if rewritten:
            pytest.register_assert_rewrite(name)
        module = importlib.import_module(name)
        assert ("@pytest_ar" in vars(module)) is rewritten
        # It does not outlive the test, as the watch looks at all modules.
        monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))
        return module

    return load


def territory_of(module: ModuleType, folder: str | None = None, foreign: tuple[str, ...] = ()) -> Territory:
    """Return the territory of claims in a module, whose project is its folder."""
    return Territory(str(module.__file__), folder, str(Path(str(module.__file__)).parent), foreign)


def watched(module: ModuleType, territory: Territory | None = None) -> AssertionWatch:
    """Watch the ``claim`` of a module."""
    with AssertionWatch(territory or territory_of(module), module.claim) as watch, suppress(AssertionError):
        module.claim()
    return watch


def seen_by(watch: AssertionWatch) -> list[str]:
    """Return the texts of the assertions that a watch has seen."""
    assert not watch.blind
    return [text for _, _, text in watch.texts()]


SHAPES = {
    "one that holds": ("def claim():\n    x = 1\n    assert x == 1", ["assert x == 1"]),
    "one that fails": ("def claim():\n    x = 1\n    assert x == 2", ["assert x == 2"]),
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
        "import contextlib\n@contextlib.suppress()\ndef check(x): assert x\ndef claim():\n    check(1)",
        ["def check(x): assert x"],
    ),
    "in a function on one line that is not called": ("def check(x): assert x\ndef claim():\n    check", []),
    "on the line of a nested function's head": ("def claim():\n    def check(x): assert x\n    return check", []),
    "after another statement": ("def claim():\n    x = 1; assert x", ["x = 1; assert x"]),
    "that cannot hold": ("def claim():\n    assert False, 'so'", ["assert False, 'so'"]),
    "in try": (
        "def claim():\n    try:\n        assert len('x') == 2\n    except AssertionError:\n        pass",
        ["assert len('x') == 2"],
    ),
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
        [],
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
    "after a form feed": ("PAGE = '\x0c \u2028'\ndef claim():\n    x = 1\n    assert x\n    y = 2", ["assert x"]),
}


@pytest.mark.parametrize("rewritten", [False, True], ids=["plain", "rewritten"])
@pytest.mark.parametrize(("source", "expected"), SHAPES.values(), ids=SHAPES)
def test_seen(load: Load, source: str, expected: list[str], rewritten: bool) -> None:
    """Assertions are seen where they are evaluated, whether pytest has rewritten them or not."""
    assert seen_by(watched(load(source, rewritten=rewritten))) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("assert x", {1: "assert x"}),
        ("x = 1; assert x", {1: "x = 1; assert x"}),
        ("if x: assert x", {}),
        ("if (x and\n    y): assert x", {}),
        ("if x: y = 1; assert x", {}),
        ("if x:\n    y = 1; assert x", {2: "y = 1; assert x"}),
        ("if x: pass\nelse: assert x", {2: "else: assert x"}),
        ("while x: assert x", {}),
        ("with x: assert x", {}),
        ("try: x\nexcept y: assert x", {}),
        ("def check(x): assert x", {1: "def check(x): assert x"}),
        ("def outer():\n    def check(x): assert x", {}),
        ("def outer():\n    def check(x):\n        assert x", {3: "assert x"}),
        ("class Checks:\n    def check(self, x): assert x", {2: "def check(self, x): assert x"}),
        ("with open(x) as y, raises(z):\n    pass", {1: "with open(x) as y, raises(z)"}),
        ("with open(x) as y:\n    pass", {}),
        ("raises", {}),
        ("x = y.raises", {}),
        ("def broken(:", {}),
    ],
)
def test_lines(tmp_path: Path, source: str, expected: dict[int, str]) -> None:
    """Lines belong to an assertion if reaching them tells that it was evaluated."""
    (tmp_path / "source.py").write_text(source)
    assert assertion_lines(str(tmp_path / "source.py")) == expected


@pytest.mark.parametrize("path", ["missing.py", "<string>", ""])
def test_lines_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """What is no file has no assertions."""
    monkeypatch.chdir(tmp_path)
    assert assertion_lines(path) == {}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8-sig"])
def test_encoding(load: Load, encoding: str) -> None:
    """Sources are read in their own encoding."""
    cookie = encoding.replace("-sig", "")
    module = load(f"# -*- coding: {cookie} -*-\ndef claim():\n    x = 'é'\n    assert x", encoding=encoding)
    assert seen_by(watched(module)) == ["assert x"]


# --- whose assertions


HELPER = "def check(x):\n    assert x\n"


def calling(helper: ModuleType) -> str:
    """Return the source of a claim that calls another module's function."""
    return f"import {helper.__name__} as helper\ndef claim():\n    helper.check(1)\n"


@pytest.mark.parametrize(("rewritten", "expected"), [(True, ["assert x"]), (False, [])])
def test_helper_module(load: Load, rewritten: bool, expected: list[str]) -> None:
    """A project's other modules speak for its claims if pytest treats them as test code."""
    module = load(calling(load(HELPER, rewritten=rewritten)), rewritten=True)
    assert seen_by(watched(module)) == expected


def test_alike_helper_modules(load: Load) -> None:
    """Two modules with the same text are two."""
    one, two = load(HELPER, rewritten=True), load(HELPER, rewritten=True)
    source = f"import {one.__name__}, {two.__name__}\ndef claim():\n"
    source += f"    {one.__name__}.check(1)\n    {two.__name__}.check(1)\n"
    watch = watched(load(source, rewritten=True))
    assert {filename for filename, _ in watch.seen} == {one.__file__, two.__file__}


def test_foreign_decorator(load: Load) -> None:
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
        """
    )
    source = f"from {decorator.__name__} import checked\n@checked\n{HELPER}def claim():\n    check(1)\n"
    assert seen_by(watched(load(source, rewritten=True))) == ["assert x"]


def test_suite(load: Load) -> None:
    """A suite's claims are spoken for by all modules of its folder, and by no other, rewritten or not."""
    inside, outside = load(HELPER, folder="suite"), load(HELPER, rewritten=True)
    module = load(calling(inside) + f"    import {outside.__name__}\n    {outside.__name__}.check(1)", folder="suite")
    folder = str(Path(str(module.__file__)).parent)
    watch = watched(module, territory_of(module, folder=folder))
    assert {filename for filename, _ in watch.seen} == {inside.__file__}


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
    module_globals = {"@pytest_ar": None} if rewritten else {}
    assert territory.holds(str(Path(filename)), module_globals) is holds


# --- what watching leaves


LEAVING = "def claim():\n    x = 1\n    assert x\n    raise LookupError('at the end')\n"


def test_texts(load: Load) -> None:
    """An assertion is told once, with its file and the line that was reached first."""
    module = load(
        "def claim():\n    x = 1\n    for _ in range(3):\n        assert x\n    assert (\n        x\n    )\n"
    )
    assert [(file, text) for file, _, text in watched(module).texts()] == [
        (module.__file__, "assert x"),
        (module.__file__, "assert ( x )"),
    ]
    assert next(line for _, line, _ in watched(module).texts()) == 4


def test_leaves_no_tracer(load: Load) -> None:
    """After the block nobody is watching any more, also if it was left with an error."""
    module = load(LEAVING)
    watch = AssertionWatch(territory_of(module), module.claim)
    with pytest.raises(LookupError), watch:
        module.claim()
    assert seen_by(watch) == ["assert x"]
    assert sys.gettrace() is None
    if monitoring is not None:
        assert [monitoring.get_tool(tool) for tool in TOOLS] == [None, None]
    watch.seen.clear()
    with pytest.raises(LookupError):
        module.claim()
    assert not watch.seen


@pytest.mark.skipif(monitoring is None, reason="sys.monitoring is new in Python 3.12")
def test_leaves_no_events(load: Load) -> None:
    """After the block, the next user of the monitoring slot gets no events that they did not ask for."""
    module = load(LEAVING)
    with pytest.raises(LookupError), AssertionWatch(territory_of(module), module.claim):
        module.claim()
    events: list[object] = []
    kinds = (monitoring.events.LINE, monitoring.events.PY_START)
    monitoring.use_tool_id(TOOLS[0], "next user")
    try:
        for kind in kinds:
            monitoring.register_callback(TOOLS[0], kind, lambda *event: events.append(event))
        with pytest.raises(LookupError):
            module.claim()
    finally:
        for kind in kinds:
            monitoring.register_callback(TOOLS[0], kind, None)
        monitoring.free_tool_id(TOOLS[0])
    assert not events


@pytest.mark.skipif(monitoring is None, reason="sys.monitoring is new in Python 3.12")
@pytest.mark.parametrize("taken", [TOOLS[:1], TOOLS[1:], TOOLS], ids=str)
def test_monitoring_slots(load: Load, taken: tuple[int, ...]) -> None:
    """A watch takes any slot that is free, and is blind if none is; it leaves the slots of others alone."""
    module = load(LEAVING)
    for tool in taken:
        monitoring.use_tool_id(tool, f"user {tool}")
    try:
        watch = AssertionWatch(territory_of(module), module.claim)
        with pytest.raises(LookupError), watch:
            module.claim()
        assert [monitoring.get_tool(tool) for tool in taken] == [f"user {tool}" for tool in taken]
    finally:
        for tool in taken:
            monitoring.free_tool_id(tool)
    assert watch.blind is (taken == TOOLS)
    assert bool(watch.seen) is (taken != TOOLS)


def other_tracer(*_: object) -> None:
    """Trace nothing, as somebody else's trace function."""


@pytest.mark.skipif(monitoring is not None, reason="sys.monitoring is used instead")
def test_blind_beside_a_tracer(load: Load) -> None:
    """A watch is blind where somebody traces already, and lets them."""
    module = load(LEAVING)
    sys.settrace(other_tracer)
    try:
        watch = AssertionWatch(territory_of(module), module.claim)
        with pytest.raises(LookupError), watch:
            module.claim()
        assert sys.gettrace() is other_tracer
    finally:
        sys.settrace(None)
    assert watch.blind
    assert not watch.seen


@pytest.mark.skipif(monitoring is not None, reason="sys.monitoring is used instead")
@pytest.mark.parametrize("tracer", [None, other_tracer])
def test_blind_if_replaced(load: Load, tracer: Any) -> None:
    """A watch whose trace function was replaced says so, and leaves the other one."""
    module = load("import sys\ntracer = None\ndef claim():\n    sys.settrace(tracer)\n    assert sys\n")
    module.tracer = tracer  # type: ignore[attr-defined]  # a name of the module above
    try:
        with AssertionWatch(territory_of(module), module.claim) as watch:
            module.claim()
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(None)
    assert watch.blind


@pytest.mark.skipif(monitoring is None, reason="a trace function would be in the way")
def test_beside_a_tracer(load: Load) -> None:
    """With ``sys.monitoring``, a debugger or a coverage tool is not in the way."""
    module = load("def claim():\n    x = 1\n    assert x\n")
    sys.settrace(other_tracer)
    try:
        watch = watched(module)
    finally:
        sys.settrace(None)
    assert seen_by(watch) == ["assert x"]
