"""What a claim's digest depends on, and what it must not depend on."""

from __future__ import annotations

import importlib.util
import operator
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from pytest_concclaims import digest as digest_module
from pytest_concclaims.digest import code_of, digest_of

pytestmark = pytest.mark.interpreter

CLAIM = """
    import functools
    import pytest
    from library import twice, unused

    START = 10
    LIMIT: int = 2 * START
    if START:
        CHOSEN = "yes"
    else:
        CHOSEN = "no"

    @pytest.fixture(params=[1, 2])
    def account():
        return [START]

    def check(balance):
        return adjusted(balance) < LIMIT

    def adjusted(balance):
        return balance - 1

    def unrelated():
        return 1

    @pytest.mark.claim("Balances are small")
    def test_claim(account):
        assert check(twice(account[0]))
        assert CHOSEN
"""
HELPERS = """
    from further import base

    FACTOR = 2

    def twice(number):
        return FACTOR * base(number)

    def unused():
        return 3
"""
FURTHER = """
    def base(number):
        return number
"""
FILES = {"digested.py": CLAIM, "library.py": HELPERS, "further.py": FURTHER}


#: Writes files, and returns the digest of the claim in ``digested.py``.
Digest = Callable[..., str]


@pytest.fixture
def digest(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Digest:
    """Return what works out digests, each of files in a new folder."""

    def digest(
        files: dict[str, str],
        *,
        name: str = "test_claim",
        statement: str = "Balances are small",
        encode: Callable[[str], bytes] = str.encode,
        **parameters: str,
    ) -> str:
        folder = tmp_path_factory.mktemp("claims")
        for path, source in files.items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_bytes(encode(dedent(source)))
        importlib.invalidate_caches()
        before = set(sys.modules)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "path", [str(folder), *sys.path])
            found = importlib.import_module("digested" if "digested.py" in files else "package.digested")
        for new in set(sys.modules) - before:
            if str(getattr(sys.modules[new], "__file__", "")).startswith(str(folder)):
                del sys.modules[new]  # the next files have the same names
        return digest_of(statement, operator.attrgetter(name)(found), parameters, folder)

    return digest


def edited(files: dict[str, str], old: str, new: str) -> dict[str, str]:
    """Return files with one text of theirs replaced."""
    assert sum(source.count(old) for source in files.values()) == 1, f"not exactly once: {old}"
    return {path: source.replace(old, new) for path, source in files.items()}


def test_known_digest(digest: Digest) -> None:
    """The digest is the same on every interpreter and system: this one was worked out on one of them."""
    assert digest(FILES) == "4554b10bcc5275cb8bd7cf0bd210569d5b626abefba7aee4a2695e2686b9c5ba"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("assert CHOSEN", "assert not CHOSEN"),
        ("return adjusted(balance) < LIMIT", "return adjusted(balance) <= LIMIT"),
        ("balance - 1", "balance - 2"),
        ("return [START]", "return [START, 0]"),
        ("params=[1, 2]", "params=[1]"),
        ("START = 10", "START = 11"),
        ("2 * START", "3 * START"),
        ('"no"', '"never"'),
        ("return FACTOR * base(number)", "return base(number) * FACTOR"),
        ("FACTOR = 2", "FACTOR = 3"),
        ("        return number\n", "        return int(number)\n"),
    ],
    ids=[
        "body",
        "function",
        "function of the function",
        "fixture",
        "fixture's decorator",
        "constant",
        "constant of the function",
        "constant under if",
        "function of another module",
        "constant of another module",
        "function of the other's other",
    ],
)
def test_differs(digest: Digest, old: str, new: str) -> None:
    """The digest changes with whatever the test function reaches by name."""
    assert digest(edited(FILES, old, new)) != digest(FILES)


PARAMETRIZED = """
    import pytest

    class Limit:
        def __init__(self, number):
            self.number = number

    @pytest.mark.refuted(False, reason="it is true")
    @pytest.mark.parametrize("limit", [Limit(5)])
    @pytest.mark.claim("Balances are small")
    def test_claim(limit):
        assert 4 < limit.number
"""


@pytest.mark.parametrize(
    ("old", "new", "told", "same"),
    [
        ("[Limit(5)]", "[Limit(1)]", False, False),
        ("self.number = number", "self.number = number + 1", False, False),
        ("it is true", "it is so", False, True),
        ("[Limit(5)]", "[Limit(5), 6]", True, True),
    ],
)
def test_parameters_that_no_text_determines(tmp_path: Path, old: str, new: str, told: bool, same: bool) -> None:
    """Objects and functions: what gives them to the claim is in its digest, and what that names."""

    def digest(source: str) -> str:
        name = f"parametrized_{len(list(tmp_path.iterdir()))}"
        (tmp_path / f"{name}.py").write_text(dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return digest_of("Balances are small", module.test_claim, {"limit": "limit0"}, tmp_path, plain=told)

    assert (digest(PARAMETRIZED) == digest(PARAMETRIZED.replace(old, new))) is same


def test_statement(digest: Digest) -> None:
    """The digest changes with the statement."""
    assert digest(FILES, statement="Balances are large") != digest(FILES)


def test_parameters(digest: Digest) -> None:
    """The digest changes with the parameters, and not with their order."""
    known = digest(FILES, threads="2", kind="process")
    assert known == digest(FILES, kind="process", threads="2")
    assert len({known, digest(FILES), digest(FILES, threads="4", kind="process"), digest(FILES, threads="2")}) == 4


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    def test_claim(", "    @pytest.mark.refuted(START > 5, reason='large')\n    def test_claim("),
        ('claim("Balances are small")', 'claim("Balances are small", source="article 3.2")'),
        ("        return 1\n", "        return 2\n"),
        ("    import functools\n", "    import functools\n\n    # Nobody reads this.\n\n"),
        ("assert CHOSEN\n", "assert CHOSEN  \t\n"),
        ("        return 3\n", "        return 4\n"),
    ],
    ids=["refuted", "claim", "unrelated function", "lines above", "white space at a line's end", "unused import"],
)
def test_same(digest: Digest, old: str, new: str) -> None:
    """The digest does not change with expectations, nor with what the test function does not reach."""
    assert digest(edited(FILES, old, new)) == digest(FILES)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_endings(digest: Digest, ending: str) -> None:
    """A checkout with another system's line endings has the same digest."""
    assert digest(FILES, encode=lambda text: text.replace("\n", ending).encode()) == digest(FILES)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1"])
def test_encoding(digest: Digest, encoding: str) -> None:
    """Sources are read in their own encoding."""

    def files(limit: str) -> dict[str, str]:
        source = f"""\
            # -*- coding: {encoding.replace("-sig", "")} -*-
            NAME = "café"
            LIMIT = {limit}

            def test_claim():
                assert NAME and LIMIT
        """
        return {"digested.py": source}

    def encode(text: str) -> bytes:
        return text.encode(encoding)

    assert digest(files("1"), encode=encode) == digest(files("1"), encode=encode)
    assert digest(files("1"), encode=encode) != digest(files("2"), encode=encode)


def test_form_feed(digest: Digest) -> None:
    """A form feed ends no line, neither for Python nor here."""
    source = """
        PAGE = "\x0c \u2028"

        def test_claim():
            total = 1
            assert total
    """
    assert digest({"digested.py": source}) != digest(
        {"digested.py": source.replace("assert total", "assert not total")}
    )


CLASS = """
    import pytest

    class Base:
        limit = 5

    class Unrelated:
        limit = 6

    @pytest.mark.claim("Balances are small")
    class TestBalance(Base):
        start = 1

        @pytest.fixture
        def account(self):
            return [self.start]

        @pytest.mark.refuted(True, reason="large")
        def test_claim(self, account):
            assert self.start < self.limit

        @pytest.mark.refuted(True, reason="large as well")
        def test_other(self):
            assert self.limit
"""


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("self.start < self.limit", "self.start <= self.limit", False),
        ("start = 1", "start = 2", False),
        ("limit = 5", "limit = 4", False),
        ("[self.start]", "[self.start, 0]", False),
        ('reason="large")', 'reason="very large")', True),
        ('        @pytest.mark.refuted(True, reason="large")\n', "", True),
        ('    @pytest.mark.claim("Balances are small")\n', "", True),
        ('reason="large as well"', 'reason="small"', True),
        ("assert self.limit\n", "assert not self.limit\n", True),
        ("limit = 6", "limit = 7", True),
    ],
    ids=[
        "body",
        "attribute",
        "base class",
        "fixture",
        "reason",
        "refuted",
        "class's decorator",
        "other's reason",
        "other's body",
        "unrelated class",
    ],
)
def test_method(digest: Digest, old: str, new: str, same: bool) -> None:
    """A method's digest covers its class, without the other tests there and without expectations."""
    files = {"digested.py": CLASS}
    found = digest(edited(files, old, new), name="TestBalance.test_claim")
    assert (found == digest(files, name="TestBalance.test_claim")) is same


def test_methods_differ(digest: Digest) -> None:
    """Two methods of a class have two digests."""
    files = {"digested.py": CLASS}
    assert digest(files, name="TestBalance.test_claim") != digest(files, name="TestBalance.test_other")


WRAPPED = {
    "closure": """
        def make():
            limit = 5

            def test():
                assert limit
            return test

        test_claim = make()
    """,
    "partial": """
        import functools

        def check(account):
            limit = 5
            assert limit

        test_claim = functools.partial(check, None)
    """,
    "partial of a decorated function": """
        import functools
        from wrapping import wrapped

        @wrapped
        def check(account):
            limit = 5
            assert limit

        test_claim = functools.partial(check, None)
    """,
    "decorated function": """
        from wrapping import wrapped

        @wrapped
        def test_claim():
            limit = 5
            assert limit
    """,
    "function under if": """
        if __name__:
            def test_claim():
                limit = 5
                assert limit
    """,
    "lambda": """
        limit = 5
        test_claim = lambda: limit
    """,
}
WRAPPING = """
    import functools

    def wrapped(function):
        @functools.wraps(function)
        def wrapper(*args):
            return function(*args)
        return wrapper
"""


@pytest.mark.parametrize("source", WRAPPED.values(), ids=WRAPPED)
def test_wrapped(digest: Digest, source: str) -> None:
    """The function counts that is in the end run."""
    files = {"digested.py": source, "wrapping.py": WRAPPING}
    assert digest(edited(files, "limit = 5", "limit = 6")) != digest(files)


IMPORTS = {
    "module": ("digested.py", "import library", "library.twice", "library.py"),
    "module by another name": ("digested.py", "import library as other", "other.twice", "library.py"),
    "name by another name": ("digested.py", "from library import twice as double", "double", "library.py"),
    "star": ("digested.py", "from library import *", "twice", "library.py"),
    "within the function": (
        "digested.py",
        "def local():\n    from library import twice\n",
        "twice",
        "library.py",
    ),
    "package": ("digested.py", "from library import twice", "twice", "library/__init__.py"),
    "relative": ("package/digested.py", "from .library import twice", "twice", "package/library.py"),
    "relative module": ("package/digested.py", "from . import library", "library.twice", "package/library.py"),
    "relative package": ("package/digested.py", "from . import twice", "twice", "package/__init__.py"),
}


@pytest.mark.parametrize(("claim", "imported", "function", "helper"), IMPORTS.values(), ids=IMPORTS)
def test_imports(digest: Digest, claim: str, imported: str, function: str, helper: str) -> None:
    """Whatever way a helper in a file beside is imported, its code counts, and what that imports."""
    folder = helper.rpartition("/")[0]
    files = {
        claim: f"{imported}\ndef test_claim():\n    assert {function}(1)\n",
        helper: f"from {'.' if folder else ''}further import base\ndef twice(number):\n    return 2 * base(number)\n",
        f"{folder}/further.py".lstrip("/"): "def base(number):\n    return number\n",
    }
    if folder:
        files.setdefault(f"{folder}/__init__.py", "")
    assert digest(edited(files, "2 *", "3 *")) != digest(files)
    assert digest(edited(files, "return number", "return -number")) != digest(files)


CONFTEST = "import pytest\n\n@pytest.fixture\ndef account():\n    return [5]\n"


@pytest.mark.parametrize("place", ["package/conftest.py", "conftest.py"])
def test_conftest(digest: Digest, place: str) -> None:
    """Fixtures of the conftest files count if the claim names them, and nothing else there."""
    files = {
        "package/__init__.py": "",
        "package/digested.py": "def test_claim(account):\n    assert account\n",
        place: CONFTEST + "\ndef unrelated():\n    return 1\n",
    }
    assert digest(edited(files, "[5]", "[6]")) != digest(files)
    assert digest(edited(files, "return 1", "return 2")) == digest(files)


def test_nearest_conftest(digest: Digest) -> None:
    """Of two fixtures of one name, the nearer one counts."""
    files = {
        "package/__init__.py": "",
        "package/digested.py": "def test_claim(account):\n    assert account\n",
        "package/conftest.py": CONFTEST,
        "conftest.py": CONFTEST.replace("[5]", "[7]"),
    }
    assert digest(edited(files, "[5]", "[6]")) != digest(files)
    assert digest(edited(files, "[7]", "[6]")) == digest(files)


def test_own_package(digest: Digest) -> None:
    """A helper counts that is imported by its full name from the package of the claim's module."""
    files = {
        "package/__init__.py": "",
        "package/library.py": "def twice(number):\n    return 2 * number\n",
        "package/digested.py": "from package.library import twice\ndef test_claim():\n    assert twice(1)\n",
    }
    assert digest(edited(files, "2 *", "3 *")) != digest(files)


def test_tested_package(digest: Digest) -> None:
    """The code that is being tested does not count: a verdict that changes with it is what one compares for."""
    files = {
        "tested/__init__.py": "def twice(number):\n    return 2 * number\n",
        "package/__init__.py": "",
        "package/digested.py": "from tested import twice\ndef test_claim():\n    assert twice(1)\n",
    }
    assert digest(edited(files, "2 *", "3 *")) == digest(files)


def test_installed_packages(digest: Digest) -> None:
    """What is not beside the claim does not count, and need not be readable."""
    source = "import sys, pytest\nfrom json import dumps\ndef test_claim():\n    assert sys and pytest and dumps\n"
    assert digest({"digested.py": source}) == digest({"digested.py": source, "jsonic.py": "VALUE = 1"})


def test_without_source(tmp_path: Path) -> None:
    """A function without source still has a digest, of its statement and name."""
    scope: dict[str, Callable[[], None]] = {}
    exec("def made(): pass\ndef other(): pass", {"__name__": "nowhere"}, scope)
    known = digest_of("It works", scope["made"], {}, tmp_path)
    assert known == digest_of("It works", scope["made"], {}, tmp_path)
    assert known != digest_of("It works", scope["other"], {}, tmp_path)
    assert known != digest_of("It does not", scope["made"], {}, tmp_path)


def test_circle(digest: Digest) -> None:
    """Functions that call each other, and modules that import each other, do not run for ever."""
    files = {
        "digested.py": "import library\ndef ping():\n    return pong\ndef pong():\n    return ping\n"
        "def test_claim():\n    assert ping and library.x and test_claim\n",
        "library.py": "import digested\nx = 5\n",
    }
    assert digest(edited(files, "x = 5", "x = 6")) != digest(files)


# --- the code in a record

CODE = """
    import functools
    import pytest

    LIMIT = 10

    def helper():
        return other() < LIMIT

    class TestIt:
        factor = 2

        @pytest.mark.claim("Is small")
        def test_method(self):
            assert helper()

        def test_other(self): ...

    def unused(): ...

    def other():
        return 1

    @pytest.mark.claim("Is so")
    @functools.lru_cache
    def test_function():
        # A comment.
        assert helper()
"""
HELPERS_CODE = """LIMIT = 10

def helper():
    return other() < LIMIT

def other():
    return 1"""


@pytest.fixture
def coded(tmp_path: Path) -> Callable[[str, str], str | None]:
    """Return what gives the code of a function, by its path of names, in a module with a source text."""

    def coded(source: str, names: str) -> str | None:
        file = tmp_path / f"coded_{len(list(tmp_path.iterdir()))}.py"
        file.write_text(dedent(source), encoding="utf-8")
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return code_of(operator.attrgetter(names)(module), tmp_path)

    return coded


def test_code_is_the_function_and_what_it_uses_of_its_file(coded: Callable[[str, str], str | None]) -> None:
    """With its decorators and comments; the rest in the order of the file."""
    assert coded(CODE, "test_function") == (
        '@pytest.mark.claim("Is so")\n@functools.lru_cache\ndef test_function():\n    # A comment.\n'
        f"    assert helper()\n\n{HELPERS_CODE}"
    )
    assert coded(CODE, "TestIt.test_method") == (
        '@pytest.mark.claim("Is small")\ndef test_method(self):\n    assert helper()\n\nfactor = 2\n\n' + HELPERS_CODE
    )


def test_code_has_a_limit(coded: Callable[[str, str], str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with a whole line if it can, and says how much more there is."""
    monkeypatch.setattr(digest_module, "LONGEST_CODE", 60)
    assert coded(CODE, "test_function") == (
        f'@pytest.mark.claim("Is so")\n@functools.lru_cache\n# ... {60 + len(HELPERS_CODE)} more characters'
    )
    long = coded(f"def test(): return {'1 + ' * 50}1", "test")
    assert long is not None
    assert long.startswith("def test(): return 1 + ")
    assert long.endswith("\n# ... 160 more characters")
    assert len(long) < 90


def test_code_without_a_source_file_is_none(tmp_path: Path) -> None:
    """Such as that of python -c."""
    names: dict[str, Callable[[], None]] = {}
    exec("def test(): ...", names)
    assert code_of(names["test"], tmp_path) is None
