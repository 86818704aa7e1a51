"""Which claims run, and what they are called."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from helpers.claims_project import install, make_project, make_suite, one_claim, run_claims, ship
from pytest_concclaims import Lab

SNOW = """
import pytest

@pytest.mark.claim("Snow is white", source="article 1")
def test_snow_is_white():
    colour = "white"
    assert colour == "white"

def test_no_claim():
    raise AssertionError("not to be run")
"""
RAIN = SNOW.replace("now", "ain").replace("Sain", "Rain").replace("sain", "rain")
OWN = """
@pytest.mark.claim("Grass is green")
def test_grass():
    colour = "green"
    assert colour == "green"

def test_plain():
    pass
"""
ALL = {"grass": "confirmed", "article-snow-is-white": "confirmed", "article-rain-is-white": "confirmed"}
SUITE = {name: verdict for name, verdict in ALL.items() if name != "grass"}
OWN_ONLY = {"grass": "confirmed"}


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ship a suite of two claims from a ``.venv`` inside of the project, to runs in this process."""
    return ship(pytester, monkeypatch, test_1_snow=SNOW, test_2_rain=RAIN)


@pytest.fixture
def installed_suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the package with that suite into the ``.venv``, for runs in a subprocess."""
    return install(pytester, monkeypatch, test_1_snow=SNOW, test_2_rain=RAIN)


def make_own(pytester: pytest.Pytester, ini: str = "", *, folder: str = "tests", name: str = "test_own") -> None:
    """Make a project that does not set ``claims_suites``, with a claim of its own."""
    pytester.makepyprojecttoml(f'[project]\nname = "demo"\n\n[tool.pytest.ini_options]\n{ini}\n')
    pytester.mkdir(folder)
    (pytester.path / folder / f"{name}.py").write_text(f"import pytest\n{OWN}", encoding="utf-8")


def forget_own_claims(pytester: pytest.Pytester) -> None:
    """Leave a project with its test only."""
    file = pytester.path / "tests" / "test_own.py"
    file.write_text("def test_plain():\n    pass\n", encoding="utf-8")


# --- with and without paths


@pytest.mark.parametrize(
    ("ini", "arguments"),
    [
        ("", ()),
        ('testpaths = ["tests"]', ()),
        ("", ("--import-mode=importlib",)),
        ('testpaths = ["tests"]\naddopts = ["--import-mode=importlib"]', ()),
        ('filterwarnings = ["error"]', ("-W", "error")),
        ('norecursedirs = ["lib", "claims", "article", "site-packages"]', ()),
        ("collect_imported_tests = false\nconsider_namespace_packages = true", ()),
        ("", ("-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:benchmark")),
    ],
    ids=str,
)
@pytest.mark.usefixtures("suite")
def test_without_path_the_projects_own_claims_run_or_the_suite(
    pytester: pytest.Pytester, ini: str, arguments: tuple[str, ...]
) -> None:
    """Both if it is asked for; each claim once, though the suite lies in a ``.venv`` inside of the project."""
    if "collect_imported_tests" in ini and pytest.version_tuple < (8, 4):
        pytest.skip("pytest has no such setting yet")
    make_own(pytester, ini)
    own = run_claims(pytester, *arguments)
    assert (own.status, own.verdicts) == (0, OWN_ONLY)
    both = run_claims(pytester, "--claims-suite=article", *arguments)
    assert (both.status, both.verdicts) == (0, ALL)
    both.result.assert_outcomes(passed=3, deselected=3)
    forget_own_claims(pytester)
    suite = run_claims(pytester, *arguments)
    assert (suite.status, suite.verdicts) == (0, SUITE)


@pytest.mark.usefixtures("installed_suite")
def test_the_same_holds_for_an_installed_package(pytester: pytest.Pytester) -> None:
    """The package itself lies in the virtual environment."""
    make_own(pytester)
    both = run_claims(pytester, "--claims-suite=all", "-W", "error", subprocess=True)
    assert (both.status, both.verdicts) == (0, ALL)
    forget_own_claims(pytester)
    suite = run_claims(pytester, subprocess=True)
    assert (suite.status, suite.verdicts) == (0, SUITE)
    suite.result.stdout.fnmatch_lines(
        [
            "claims: the project's own; if it has none, the shipped suite article",
            "claims: this project has none; running the shipped suite article",
        ]
    )
    assert suite.record is not None
    assert suite.record["options"]["suites"] == ["article"]


def test_failure_in_the_suite_is_explained(pytester: pytest.Pytester, installed_suite: Path) -> None:
    """The suite's assertions are rewritten, as those of any test module are."""
    file = installed_suite / "test_1_snow.py"
    file.write_text(SNOW.replace('== "white"', '== "black"'), encoding="utf-8")
    run = run_claims(pytester, "article/test_1_snow.py", subprocess=True)
    assert run.verdicts == {"article-snow-is-white": "refuted"}
    assert run.status == 1
    run.result.stdout.fnmatch_lines(["E *assert 'white' == 'black'"])


@pytest.mark.usefixtures("suite")
def test_foreign_naming_rules_leave_the_suite_complete(pytester: pytest.Pytester) -> None:
    """A project's python_files, python_classes and python_functions are about its own tests only."""
    make_own(
        pytester,
        'python_files = ["check_*.py"]\npython_functions = ["check_*"]\npython_classes = ["Check"]',
        name="check_own",
    )
    own = pytester.path / "tests" / "check_own.py"
    own.write_text(own.read_text(encoding="utf-8").replace("def test_", "def check_"), encoding="utf-8")
    run = run_claims(pytester, "--claims-suite=article")
    assert run.verdicts == {**SUITE, "check-grass": "confirmed"}
    assert run.status == 0


@pytest.mark.usefixtures("suite")
def test_paths_run_the_claims_there_and_nothing_else(pytester: pytest.Pytester) -> None:
    """A path leaves the shipped suite out, and what is elsewhere in the project."""
    make_own(pytester)
    pytester.makepyfile(test_elsewhere="import pytest\n" + OWN.replace("grass", "elsewhere"))
    for arguments in (["tests"], ["tests/test_own.py::test_grass"], ["tests", "tests/test_own.py"]):
        assert run_claims(pytester, *arguments).verdicts == {"grass": "confirmed"}


def test_path_of_a_suite_runs_it_once(pytester: pytest.Pytester, suite: Path) -> None:
    """The suite's folder or file may be given as a path, too: the claims keep their ids."""
    make_own(pytester)
    assert run_claims(pytester, suite).verdicts == SUITE
    path = f"{suite / 'test_2_rain.py'}::test_rain_is_white"
    assert run_claims(pytester, path).verdicts == {"article-rain-is-white": "confirmed"}
    assert run_claims(pytester, suite, "article").verdicts == SUITE


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        (["article"], {"article-rain-is-white", "article-snow-is-white"}),
        (["article/test_1_snow.py"], {"article-snow-is-white"}),
        (["article/test_2_rain.py::test_rain_is_white"], {"article-rain-is-white"}),
        (["article/test_2_rain.py", "tests"], {"article-rain-is-white", "grass"}),
    ],
    ids=lambda value: ",".join(sorted(value)),  # two xdist workers do not print a set alike
)
@pytest.mark.usefixtures("suite")
def test_parts_of_a_suite_are_named_like_paths(pytester: pytest.Pytester, parts: list[str], found: set[str]) -> None:
    """A suite, a file of it or a claim, by itself or beside paths of the project."""
    make_own(pytester)
    run = run_claims(pytester, *parts)
    assert set(run.verdicts) == found
    assert run.status == 0


def test_claims_are_selected_by_their_ids(pytester: pytest.Pytester) -> None:
    """Reports name them by these."""
    make_project(pytester, one_claim("assert lab"))
    run = run_claims(pytester, "-k", "demo-snow")
    assert run.verdicts == {"snow": "confirmed"}


@pytest.mark.parametrize("part", ["article/test_3.py", "article/test_1_snow", "article/test_1_snow.py::test_x"])
@pytest.mark.usefixtures("installed_suite")
def test_unknown_part_is_a_usage_error(pytester: pytest.Pytester, part: str) -> None:
    """Nothing runs if something that was asked for is not there."""
    make_own(pytester)
    run = run_claims(pytester, "tests", part)
    assert run.status == 4
    assert run.record is None
    assert f"not found: {part} (pytest --claims --co lists the claims)" in run.output


@pytest.mark.usefixtures("installed_suite")
def test_unknown_suite_is_a_usage_error(pytester: pytest.Pytester) -> None:
    """A word that is neither a path nor a suite may have been meant as either."""
    make_own(pytester)
    run = run_claims(pytester, "artcle")
    assert run.status == 4
    assert "artcle: not a file or folder, and not a shipped suite; the shipped suites: article" in run.output


@pytest.mark.usefixtures("suite")
def test_folder_of_the_project_goes_before_a_suite_of_that_name(pytester: pytest.Pytester) -> None:
    """Paths stay paths: a project's own folder ``article`` is what it says."""
    make_own(pytester, folder="article")
    assert run_claims(pytester, "article").verdicts == {"grass": "confirmed"}


def test_setting_chooses_the_suites(pytester: pytest.Pytester, suite: Path) -> None:
    """claims_suites names the suites; none is a choice as well, and an ini file can say it."""
    make_suite(suite.parent / "other", test_x=SNOW)
    make_own(pytester, 'claims_suites = ["other"]')
    assert set(run_claims(pytester).verdicts) == {"other-snow-is-white", "grass"}
    both = run_claims(pytester, "-o", "claims_suites=article other article")
    assert set(both.verdicts) == {*ALL, "other-snow-is-white"}
    (pytester.path / "pytest.ini").write_text("[pytest]\nclaims_suites =\n", encoding="utf-8")
    none = run_claims(pytester)
    assert set(none.verdicts) == {"grass"}
    none.result.stdout.fnmatch_lines(["claims: the project's own"])


def test_only_the_article_runs_where_the_project_has_no_claims(pytester: pytest.Pytester, suite: Path) -> None:
    """Any other shipped suite has to be asked for: by the option, the setting, or like a path."""
    make_suite(suite.parent / "other", test_x=SNOW)
    make_own(pytester)
    forget_own_claims(pytester)
    other = {"other-snow-is-white": "confirmed"}
    assert run_claims(pytester).verdicts == SUITE
    assert run_claims(pytester, "--claims-suite=all").verdicts == {**SUITE, **other}
    assert run_claims(pytester, "--claims-suite=other").verdicts == other
    assert run_claims(pytester, "other").verdicts == other
    assert run_claims(pytester, "-o", "claims_suites=all").verdicts == {**SUITE, **other}


@pytest.mark.usefixtures("suite")
def test_option_goes_before_the_setting_and_beside_paths(pytester: pytest.Pytester) -> None:
    """A suite that is asked for as a whole is not narrowed by a part of it, and a folder of its name stays a path."""
    make_own(pytester, "claims_suites = []", folder="article")
    assert run_claims(pytester).verdicts == OWN_ONLY
    assert run_claims(pytester, "--claims-suite=article", "--claims-suite=article").verdicts == ALL
    assert run_claims(pytester, "--claims-suite=article", "article").verdicts == ALL
    (pytester.path / "article").rename(pytester.path / "tests")
    assert run_claims(pytester, "--claims-suite=article", "tests").verdicts == ALL
    assert run_claims(pytester, "--claims-suite=all", "article/test_1_snow.py").verdicts == SUITE


@pytest.mark.usefixtures("suite")
def test_no_suite_runs_instead_of_claims_that_were_not_looked_at(pytester: pytest.Pytester) -> None:
    """The project may have claims in a module that skips itself or is broken, or that -k or --lf leaves out."""
    make_own(pytester)
    none = run_claims(pytester, "-k", "nothing")
    assert (none.status, none.claims) == (5, {})
    plain = pytester.path / "tests" / "test_plain.py"
    plain.write_text("def test_plain():\n    assert 0\n", encoding="utf-8")
    pytester.runpytest_inprocess()
    none = run_claims(pytester, "--lf")
    assert (none.status, none.claims) == (5, {})
    forget_own_claims(pytester)
    for code in ("import pytest\npytest.importorskip('no_such_module')\n", "import no_such_module\n"):
        plain.write_text(code, encoding="utf-8")
        none = run_claims(pytester, "--continue-on-collection-errors")
        assert (none.status > 0, none.claims) == (True, {})


@pytest.mark.usefixtures("suite")
def test_no_suite_runs_instead_of_claims_elsewhere_in_the_project(pytester: pytest.Pytester) -> None:
    """In a folder below the project's root, pytest looks in that folder only."""
    make_own(pytester)
    below = pytester.mkdir("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(below)
        result = pytester.runpytest_inprocess("--claims")
    assert result.ret == 5
    assert "(Shipped suites run with --claims-suite.)" in " ".join(result.stdout.str().split())


@pytest.mark.usefixtures("suite")
def test_last_failed_claim_of_a_suite_runs_again_where_the_project_has_none(pytester: pytest.Pytester) -> None:
    """--lf chooses among the suite that runs by default, whatever else has failed."""
    make_own(pytester)
    forget_own_claims(pytester)
    snow = next(pytester.path.joinpath(".venv").rglob("test_1_snow.py"))
    snow.write_text(snow.read_text(encoding="utf-8").replace('== "', '== "not '), encoding="utf-8")
    assert run_claims(pytester).verdicts["article-snow-is-white"] == "refuted"
    assert run_claims(pytester, "--lf").verdicts == {"article-snow-is-white": "refuted"}


@pytest.mark.parametrize(
    ("damage", "words", "arguments"),
    [
        ("no file", "no claims in ", ("--claims-suite=article",)),
        ("no file", "no claims in ", ("article",)),
        ("no claim", "has no claims; the installation is damaged", ("--claims-suite=article",)),
        ("not importable", "No module named 'no_such_module'", ("--claims-suite=article",)),
    ],
    ids=str,
)
def test_suite_that_collects_nothing_is_an_error(
    pytester: pytest.Pytester, installed_suite: Path, damage: str, words: str, arguments: tuple[str, ...]
) -> None:
    """A damaged installation must not look like a smaller suite."""
    make_own(pytester)
    for file in installed_suite.glob("test_1*.py" if damage != "no file" else "test_*.py"):
        file.unlink()
        if damage != "no file":
            code = "x = 1" if damage == "no claim" else "import no_such_module"
            file.write_text(code, encoding="utf-8")
    run = run_claims(pytester, *arguments, subprocess=True)
    assert run.status not in (0, 5)
    assert words in run.output


@pytest.mark.usefixtures("suite")
def test_last_failed_and_keyword_choose_among_the_suite(pytester: pytest.Pytester) -> None:
    """--lf runs the claims that failed last time, of the suite as of the project; -k goes by names."""
    make_own(pytester, 'claims_suites = ["article"]')
    by_name = run_claims(pytester, "-k", "rain or grass")
    assert set(by_name.verdicts) == {"grass", "article-rain-is-white"}
    suite = pytester.path.joinpath(".venv").rglob("test_2_rain.py")
    for file in [*suite, pytester.path / "tests" / "test_own.py"]:
        code = file.read_text(encoding="utf-8").replace('== "', '== "not ')
        file.write_text(code, encoding="utf-8")
    assert run_claims(pytester).verdicts == {
        **dict.fromkeys(ALL, "refuted"),
        "article-snow-is-white": "confirmed",
    }
    again = run_claims(pytester, "--lf")
    assert set(again.verdicts) == {"grass", "article-rain-is-white"}


def test_what_is_no_claim_is_deselected(pytester: pytest.Pytester) -> None:
    """Tests, TestCase methods and doctests do not run under --claims."""
    make_project(
        pytester,
        OWN + "import unittest\nclass TestX(unittest.TestCase):\n    def test_x(self):\n        self.fail()\n"
        'def add():\n    """\n    >>> add()\n    1\n    """\n',
    )
    run = run_claims(pytester, "--doctest-modules")
    assert run.verdicts == {"grass": "confirmed"}
    assert run.status == 0
    run.result.assert_outcomes(passed=1, deselected=3)


def test_file_named_twice_runs_once(pytester: pytest.Pytester) -> None:
    """A claim is one claim, also where --keep-duplicates collects its file twice."""
    make_project(pytester, OWN)
    run = run_claims(pytester, "--keep-duplicates", "test_claims.py", "test_claims.py")
    assert run.verdicts == {"grass": "confirmed"}
    run.result.assert_outcomes(passed=1, deselected=3)


# --- without --claims


def test_without_claims_the_claims_are_deselected_and_the_rest_runs(pytester: pytest.Pytester) -> None:
    """Plain pytest: no header, no summary, no claim; the tests run."""
    make_project(pytester, OWN)
    result = pytester.runpytest_inprocess("-v", "--strict-markers")
    result.assert_outcomes(passed=1, deselected=1)
    assert result.ret == 0
    output = result.stdout.str()
    assert "concclaims:" not in output
    assert "concurrency claims" not in output


def test_without_claims_nothing_but_claims_is_no_test(pytester: pytest.Pytester) -> None:
    """As with any deselection, pytest says that nothing ran. A line says how claims are run."""
    make_project(pytester, OWN.replace("def test_plain", "def plain"))
    result = pytester.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "1 claim deselected, and no other test was found; claims run with pytest --claims" in result.outlines


def test_without_claims_bad_claims_are_not_looked_at(pytester: pytest.Pytester) -> None:
    """Without --claims, nothing is said of claims."""
    make_project(pytester, OWN + "@pytest.mark.claim\n@pytest.mark.refuted(1)\ndef test_bad():\n    pass\n")
    pytester.runpytest_inprocess().assert_outcomes(passed=1, deselected=2)


def test_collect_only_shows_the_statements(pytester: pytest.Pytester) -> None:
    """Beside each claim of the tree, on one line; -q has the node ids only, as for any test."""
    code = one_claim("assert lab", marks="@pytest.mark.parametrize('n', [1])", arguments="lab, n")
    make_project(pytester, code.replace('"Snow is white"', '"Snow {n}\\x1b is\\nwhite"'))
    run = run_claims(pytester, "--collect-only")
    run.result.stdout.fnmatch_lines(
        ["*<Function test_snow?1?> Snow 1?x1b is white", "*<Function test_companion> One is one"]
    )
    quiet = run_claims(pytester, "--collect-only", "-q")
    quiet.result.stdout.fnmatch_lines(["test_claims.py::test_snow?1?", "test_claims.py::test_companion"])
    plain = pytester.runpytest_inprocess("--collect-only")
    assert "One is one" not in plain.stdout.str()


def test_help_pages_have_markers_fixture_and_options(pytester: pytest.Pytester) -> None:
    """--markers, --fixtures and --help are where a user of pytest looks."""
    pytester.runpytest_inprocess("--markers").stdout.fnmatch_lines(
        [
            "@pytest.mark.claim(statement, *, source=None, id=None, budget=None): *",
            "@pytest.mark.refuted(condition, *, reason): *",
        ]
    )
    fixtures = pytester.runpytest_inprocess("--fixtures").stdout
    fixtures.fnmatch_lines(["lab -- *", "    *laim*instruments*"])
    methods = [name for name, member in vars(Lab).items() if inspect.isfunction(member) and name[0] != "_"]
    missing = [name for name in methods if f"lab.{name}(" not in fixtures.str()]
    assert missing == ["close"], "which is the plugin's to call"
    pytester.runpytest_inprocess("--help").stdout.fnmatch_lines(
        [
            "*--claims *",
            "*--claims-suite*NAME*",
            "*--claims-report*PATH*",
            "*--claims-strict *",
            "*--claims-budget*S*",
            "*--claims-patience*S*",
            "*--claims-in-process *",
            "*claims_suites*",
        ]
    )


# --- where markers may stand, and what they may say

MARKED = """
import enum
Colour = enum.Enum("Colour", "red green")

@pytest.mark.claim("A function", source="page 3")
def test_function(): check()

@pytest.mark.claim("A class")
class TestSomeClass:
    def test_method(self): check()

    @pytest.mark.claim("A method")
    def test_other_method(self): check()

    class TestInner:
        def test_deep(self): check()

@pytest.mark.claim("A {colour} of {number} by {how}: {{braces}}")
@pytest.mark.parametrize("colour", Colour)
@pytest.mark.parametrize("number, how", [(1.5, int)])
def test_parameters(colour, number, how): check()

@pytest.mark.parametrize(
    "x",
    [
        pytest.param(1, marks=pytest.mark.claim("One is {x}")),
        pytest.param(2, marks=[pytest.mark.claim("Two is {x}", id="two"), REFUTED], id="second"),
        3,
    ],
)
def test_marked_parameters(x): check(x != 2)

@pytest.mark.claim("Made elsewhere", id="my-very-own")
def test_named(): check()

@pytest.mark.claim("Made elsewhere", id="own-{x}")
@pytest.mark.parametrize("x", [1, 2])
def test_named_by_parameter(x): check()

@pytest.mark.claim("Made elsewhere", id="own")
@pytest.mark.parametrize("x", [1, 2])
def test_named_beside_parameter(x): check()

@pytest.mark.claim(statement="  By keyword  ")
def testing_things(): check()
"""


def test_markers_stand_on_functions_methods_classes_and_parameters(pytester: pytest.Pytester) -> None:
    """The closest marker counts; a statement may name parameters; the id says where a claim is."""
    prelude = "REFUTED = pytest.mark.refuted(True, reason='it is two')\ndef check(holds=True):\n    assert holds\n"
    make_project(pytester, prelude + MARKED)
    run = run_claims(pytester)
    assert {claim["id"]: claim["statement"] for claim in run.claims.values()} == {
        "demo-function": "A function",
        "demo-some-class-method": "A class",
        "demo-some-class-other-method": "A method",
        "demo-some-class-inner-deep": "A class",
        "demo-parameters[1.5-int-Colour.red]": "A red of 1.5 by int: {braces}",
        "demo-parameters[1.5-int-Colour.green]": "A green of 1.5 by int: {braces}",
        "demo-marked-parameters[1]": "One is 1",
        "two": "Two is 2",
        "my-very-own": "Made elsewhere",
        "own-1": "Made elsewhere",
        "own-2": "Made elsewhere",
        "own[1]": "Made elsewhere",
        "own[2]": "Made elsewhere",
        "demo-testing-things": "By keyword",
    }
    assert run.status == 0
    assert run.claims["two"]["expected"] == "refuted"
    assert run.claims["two"]["verdict"] == "refuted"
    assert run.claims["function"]["source"] == "page 3"
    assert {claim["suite"] for claim in run.claims.values()} == {"demo"}
    run.result.assert_outcomes(passed=14, deselected=1)


def test_marker_of_a_module_is_for_all_its_tests(pytester: pytest.Pytester) -> None:
    """``pytestmark`` and a closer marker: the closer one counts."""
    make_project(
        pytester,
        """
        pytestmark = pytest.mark.claim("The module")
        x = 1
        def test_one():
            assert x == 1
        @pytest.mark.claim("The function")
        def test_two():
            assert x == 1
        """,
    )
    run = run_claims(pytester)
    assert {name: claim["statement"] for name, claim in run.claims.items()} == {
        "one": "The module",
        "two": "The function",
    }


def test_refuted_takes_the_first_reason_that_holds(pytester: pytest.Pytester) -> None:
    """Of several refuted markers, the closest whose condition holds gives the expectation and its reason."""
    make_project(
        pytester,
        """
        @pytest.mark.refuted(True, reason="of the class")
        class TestX:
            @pytest.mark.claim("One is two")
            @pytest.mark.refuted(False, reason="of nothing")
            @pytest.mark.refuted(True, reason="of arithmetic")
            def test_x(self):
                one = 1
                assert one == 2
        """,
    )
    run = run_claims(pytester)
    assert run.claims["x-x"]["reason"] == "of arithmetic"
    assert run.status == 0


def test_location_and_id_do_not_depend_on_where_pytest_was_started(pytester: pytest.Pytester) -> None:
    """A record's claims are the same from any folder of the project."""
    make_own(pytester, "claims_suites = []")
    here = run_claims(pytester).claims
    pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(pytester.path / "tests")
        result = pytester.runpytest_inprocess("--claims", "--claims-report=../there.json")
    assert result.ret == 0
    there = pytester.path / "there.json"
    assert here["grass"]["location"] == "tests/test_own.py:3"
    assert f'"location": "{here["grass"]["location"]}"' in there.read_text(encoding="utf-8")


# --- ids


def test_claims_of_one_name_have_the_module_in_their_ids(pytester: pytest.Pytester) -> None:
    """Where two modules have a function of one name, and only there; below that, the folders as well."""
    make_project(pytester, one_claim("assert lab is not None"))
    claim = "import pytest\n@pytest.mark.claim('It is so')\ndef test_{}():\n    x = 1\n    assert x\n"
    pytester.makepyfile(
        **{
            "test_other": claim.format("snow") + claim.format("alone"),
            "one/test_deep": claim.format("deep"),
            "two/test_deep": claim.format("deep"),
            "one/__init__": "",
            "two/__init__": "",
        }
    )
    run = run_claims(pytester)
    assert run.status == 0
    assert set(run.verdicts) == {"claims-snow", "companion", "other-snow", "alone", "one/deep-deep", "two/deep-deep"}


# --- claims that pytest passes over

CLAIM = "@pytest.mark.claim('Snow is white')\n"
PASSED_OVER = {
    "a function": (f"{CLAIM}def snow(): pass", "python_functions"),
    "a method": (f"class TestSnow:\n    {CLAIM}    def snow(self): pass", "python_functions"),
    "in a class of another name": (f"class Snow:\n    {CLAIM}    def test_x(self): pass", "python_classes"),
    "in a class that is a claim": (f"{CLAIM}class Snow:\n    def test_x(self): pass", "python_classes"),
    "in a class with a constructor": (
        f"class TestSnow:\n    def __init__(self): pass\n    {CLAIM}    def test_x(self): pass",
        "no constructor",
    ),
    "in a class in a class": (
        f"class TestSnow:\n    class Deep:\n        {CLAIM}        def test_x(self): pass",
        "python_classes",
    ),
}


@pytest.mark.parametrize(("code", "words"), PASSED_OVER.values(), ids=PASSED_OVER)
def test_claim_that_pytest_does_not_collect_is_a_usage_error(
    pytester: pytest.Pytester, code: str, words: str
) -> None:
    """It would be passed over without a word."""
    make_project(pytester, f"{code}\n{one_claim('assert lab is not None')}")
    run = run_claims(pytester)
    assert (run.status, run.record) == (4, None)
    run.result.stderr.fnmatch_lines(["ERROR: *test_claims.py:[2-5] (*): a claim that pytest does not collect; *"])
    assert words in run.output


def test_claims_of_a_base_class_are_collected_in_its_subclasses(pytester: pytest.Pytester) -> None:
    """So it may have any name; and a class may opt out."""
    code = f"""
class Base:
    @pytest.mark.claim("Snow is white")
    def test_white(self, lab):
        assert lab is not None

class TestSnow(Base):
    pass

class Contract:
    @pytest.mark.claim("Snow is cold")
    def test_cold(self):
        raise NotImplementedError

class TestContract(Contract):
    @pytest.mark.claim("Ice is cold")
    def test_cold(self, lab):
        assert lab is not None

class TestNothing:
    __test__ = False
    @pytest.mark.claim("Snow is black")
    def test_black(self): pass
{one_claim("assert lab is not None")}"""
    make_project(pytester, code)
    run = run_claims(pytester)
    assert (run.status, set(run.verdicts)) == (0, {"snow-white", "contract-cold", "snow", "companion"})
