"""Switch points: where in the bytecode this interpreter can let another thread run.

With a GIL, a thread gives it up on request at the few places where the evaluation loop looks at its ``eval_breaker``.
``TABLE`` says after which instructions these are, with the source of each row. CPython's evaluation loop is
``Python/ceval.c``, and from 3.12 on ``Python/bytecodes.c``; each row was also seen, and nothing outside of them, by
threads that ran freely (``test_switch_points.py`` repeats that on each interpreter).

Whether an instruction is specialized depends on how often it ran. What can happen in any state of the code counts: a
call of ``len`` has a switch point after it until it is specialized.
"""

from __future__ import annotations

import dis
import enum
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType

from ....interpreter import CPYTHON, PYPY


class When(enum.Enum):
    """When threads are switched at an instruction."""

    START = "before the first instruction of a function"
    HANDLER = "before an exception's handler, which these instructions set up"
    BEFORE = "before or after it, which is the same, as it does nothing but jump"
    AFTER = "after it"
    AFTER_RESUME = "after it, unless it resumes from yield from or await"
    AFTER_JUMP = "after it, if it jumped"
    AFTER_TRUTH = "after it, if what it tested was no bool"
    AFTER_C_CALL = "after it, unless it called a Python function directly"
    AFTER_C_CALL_BUT_ENTER = "the same, unless it enters a with block"
    AFTER_METHOD = "after it, if it called a bound method"


@dataclass(frozen=True)
class Row:
    """One kind of switch point: ``versions`` of CPython with a GIL, first to last, and the names of instructions."""

    kind: str
    versions: tuple[tuple[int, int], tuple[int, int]]
    when: When
    opnames: frozenset[str]
    source: str


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Of 3.9, what goes on to the next instruction by FAST_DISPATCH(), which looks at no eval_breaker.
_FAST_3_9 = _names(
    "NOP LOAD_FAST LOAD_CONST STORE_FAST POP_TOP ROT_TWO ROT_THREE ROT_FOUR DUP_TOP DUP_TOP_TWO END_ASYNC_FOR "
    "LOAD_ASSERTION_ERROR IS_OP CONTAINS_OP JUMP_FORWARD EXTENDED_ARG"
)
_TRUTH_TESTS = _names("POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE JUMP_IF_FALSE_OR_POP JUMP_IF_TRUE_OR_POP")
_SETUPS = _names("SETUP_FINALLY SETUP_WITH SETUP_ASYNC_WITH")
#: Before these, 3.9 and 3.10 do not look at the eval_breaker (Python/ceval.c, main_loop).
_UNCHECKED = _names("SETUP_FINALLY SETUP_WITH BEFORE_ASYNC_WITH YIELD_FROM")
#: What leaves a bool. A comparison may leave something else, but that is made by it and not shared.
_BOOLS = _names("CONTAINS_OP IS_OP UNARY_NOT COMPARE_OP")

_LATEST = (3, 15)

TABLE = (
    Row("a function begins", ((3, 9), (3, 10)), When.START, frozenset(), "ceval.c: main_loop begins with the check"),
    Row("a handler begins", ((3, 9), (3, 10)), When.HANDLER, _SETUPS, "ceval.c: exception_unwind, goto main_loop"),
    Row(
        "after any other instruction",
        ((3, 9), (3, 9)),
        When.AFTER,
        frozenset(name for name in dis.opmap if name not in _FAST_3_9 | _TRUTH_TESTS),
        "ceval.c: DISPATCH() looks at the eval_breaker, FAST_DISPATCH() does not",
    ),
    Row(
        "after a test of what is no bool",
        ((3, 9), (3, 9)),
        When.AFTER_TRUTH,
        _TRUTH_TESTS,
        "ceval.c: FAST_DISPATCH() for True and False, else DISPATCH()",
    ),
    Row(
        "after a call",
        ((3, 10), (3, 10)),
        When.AFTER,
        _names("CALL_FUNCTION CALL_FUNCTION_KW CALL_FUNCTION_EX CALL_METHOD"),
        "ceval.c: CHECK_EVAL_BREAKER() at the end of each",
    ),
    Row(
        "a generator resumes",
        ((3, 10), (3, 10)),
        When.AFTER,
        _names("YIELD_VALUE"),
        "ceval.c: it enters main_loop, which begins with the check",
    ),
    Row(
        "a jump, forward as well",
        ((3, 10), (3, 10)),
        When.AFTER_JUMP,
        _names("POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE"),
        "ceval.c: CHECK_EVAL_BREAKER() where it jumps",
    ),
    Row("a loop", ((3, 10), (3, 10)), When.BEFORE, _names("JUMP_ABSOLUTE"), "ceval.c: CHECK_EVAL_BREAKER()"),
    Row(
        "a function begins, a generator resumes",
        ((3, 11), _LATEST),
        When.AFTER_RESUME,
        _names("RESUME"),
        "ceval.c RESUME_QUICK, bytecodes.c RESUME: but not after yield from and await, where its argument is 2 or 3",
    ),
    Row(
        "a conditional jump backward",
        ((3, 11), (3, 11)),
        When.AFTER_JUMP,
        _names("POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_TRUE")
        | _names("POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE"),
        "ceval.c: CHECK_EVAL_BREAKER() where it jumps",
    ),
    Row(
        "a jump backward",
        ((3, 11), _LATEST),
        When.BEFORE,
        _names("JUMP_BACKWARD"),
        "ceval.c JUMP_BACKWARD_QUICK, bytecodes.c JUMP_BACKWARD: CHECK_EVAL_BREAKER()",
    ),
    Row(
        "after a call that ran C",
        ((3, 11), (3, 14)),
        When.AFTER_C_CALL,
        _names("CALL"),
        "ceval.c and bytecodes.c CALL: a Python function's frame is pushed, what else is called ends in the check",
    ),
    Row(
        "after a call that ran C, but not into a with block",
        ((3, 15), _LATEST),
        When.AFTER_C_CALL_BUT_ENTER,
        _names("CALL"),
        "as before; that there is none between __enter__ and the block was seen on 3.15.2 (3.14 has one there)",
    ),
    Row(
        "after a call with *args",
        ((3, 11), (3, 11)),
        When.AFTER,
        _names("CALL_FUNCTION_EX"),
        "ceval.c CALL_FUNCTION_EX: of Python functions, too",
    ),
    Row(
        "after a call with *args that ran C",
        ((3, 12), _LATEST),
        When.AFTER_C_CALL,
        _names("CALL_FUNCTION_EX"),
        "bytecodes.c CALL_FUNCTION_EX, as CALL",
    ),
    Row(
        "after a call with *args of a bound method",
        ((3, 12), _LATEST),
        When.AFTER_METHOD,
        _names("CALL_FUNCTION_EX"),
        "bytecodes.c CALL_FUNCTION_EX: a plain function's frame is pushed, a method is called by PyObject_Call",
    ),
    Row(
        "after a call with keywords that ran C",
        ((3, 13), _LATEST),
        When.AFTER_C_CALL,
        _names("CALL_KW"),
        "bytecodes.c CALL_KW, as CALL",
    ),
)


def rows(version: tuple[int, int]) -> tuple[Row, ...]:
    """Return the table's rows of a version of CPython with a GIL; the latest known ones for a newer version."""
    known = min(version, _LATEST)
    return tuple(row for row in TABLE if row.versions[0] <= known <= row.versions[1])


#: What touches only locals, the stack and the frame itself: a switch before it shows nothing that a switch before the
#: next instruction does not. Cells, globals and attributes are shared, and what asks a type runs its code (truth,
#: hash, iteration, formatting): these are not here. POP_TOP and STORE_FAST drop a reference. If it was the last, a
#: finalizer written in Python has switch points of its own; a weak reference shows the end one instruction late.
#: DELETE_FAST and the returns, whose purpose it is to drop references, are not here.
LOCAL = _names(
    "NOP RESUME GEN_START PRECALL PUSH_NULL KW_NAMES NOT_TAKEN POP_TOP POP_ITER END_FOR END_SEND "
    "COPY SWAP DUP_TOP DUP_TOP_TWO ROT_TWO ROT_THREE ROT_FOUR ROT_N "
    "LOAD_FAST LOAD_FAST_CHECK LOAD_FAST_AND_CLEAR LOAD_FAST_BORROW LOAD_FAST_LOAD_FAST "
    "LOAD_FAST_BORROW_LOAD_FAST_BORROW STORE_FAST STORE_FAST_LOAD_FAST STORE_FAST_STORE_FAST STORE_FAST_MAYBE_NULL "
    "LOAD_CONST LOAD_SMALL_INT LOAD_COMMON_CONSTANT LOAD_ASSERTION_ERROR LOAD_CLOSURE MAKE_CELL COPY_FREE_VARS "
    "JUMP_FORWARD JUMP_BACKWARD JUMP_BACKWARD_NO_INTERRUPT JUMP_ABSOLUTE POP_JUMP_IF_NONE POP_JUMP_IF_NOT_NONE "
    "POP_JUMP_FORWARD_IF_NONE POP_JUMP_FORWARD_IF_NOT_NONE POP_JUMP_BACKWARD_IF_NONE POP_JUMP_BACKWARD_IF_NOT_NONE "
    "BUILD_TUPLE BUILD_LIST BUILD_SLICE BUILD_STRING LIST_APPEND LIST_TO_TUPLE MAKE_FUNCTION SET_FUNCTION_ATTRIBUTE "
    "IS_OP SETUP_FINALLY POP_BLOCK PUSH_EXC_INFO POP_EXCEPT"
)
#: What processes do not share either: variables of modules and of enclosing functions. What a call, an attribute, an
#: operator or an iteration reaches may be shared memory, or a file.
_OF_ONE_PROCESS = LOCAL | _names(
    "LOAD_GLOBAL STORE_GLOBAL DELETE_GLOBAL LOAD_NAME STORE_NAME LOAD_DEREF STORE_DEREF DELETE_DEREF LOAD_CLASSDEREF "
    "LOAD_FROM_DICT_OR_DEREF LOAD_FROM_DICT_OR_GLOBALS LOAD_LOCALS BUILD_MAP BUILD_CONST_KEY_MAP LOAD_BUILD_CLASS"
)
#: Local if what they test is a bool; the truth of anything else is asked of its type.
_LOCAL_ON_BOOLS = _TRUTH_TESTS | _names(
    "UNARY_NOT POP_JUMP_FORWARD_IF_FALSE POP_JUMP_FORWARD_IF_TRUE "
    "POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_TRUE"
)
#: From 3.13 on, they always find a bool: TO_BOOL, before them, makes it of anything else.
_TESTS_FIND_BOOLS = CPYTHON and sys.version_info >= (3, 13)

_ROWS = rows(sys.version_info[:2])
_JUMPS = frozenset([*dis.hasjrel, *dis.hasjabs])
#: The part of RESUME's argument that says where it is, and its values: 0 and 1 at a function's start and after yield.
_RESUME_MASK = 3
_RESUME_AFTER_YIELD = 1
NOWHERE = -1

#: Whether instructions are told by sys.monitoring, and not by sys.settrace.
MONITORED = hasattr(sys, "monitoring")


@dataclass(frozen=True)
class SwitchPoints:
    """Where in one code object threads are switched; all numbers are offsets of instructions, as events tell them.

    ``before``: before these instructions, however they were reached. ``between``: before the second one of a pair, if
    the first one was the last to run in the same frame (3.9 to 3.11 only). ``after_c_call``: of calls, to what
    follows each: between the two, unless the call was of a Python function. ``after_star_call``: of calls with
    ``*args``, to what follows each: between the two, if the call was of a bound method. ``after_waits``: what follows
    an instruction in which a thread may wait for another one: a switch point if it did, as it has to get the GIL.
    """

    before: frozenset[int]
    between: frozenset[tuple[int, int]] = frozenset()
    after_c_call: Mapping[int, int] = field(default_factory=dict)
    after_star_call: Mapping[int, int] = field(default_factory=dict)
    after_waits: frozenset[int] = frozenset()


def switches_anywhere(gil: bool) -> bool:
    """Return whether threads are switched between any two instructions: without a GIL, and on PyPy.

    PyPy looks for a switch before each instruction (``pypy/interpreter/pyopcode.py``: bytecode_trace).
    """
    return PYPY or not gil


class Grade(enum.Enum):
    """Where actors are switched."""

    HERE = "by the table's rows of this version"
    ANYWHERE = "before every instruction that can act on what threads share, as without a GIL and on PyPy"
    PROCESSES = "before every instruction that can act on what processes share"


def switch_points(code: CodeType, grade: Grade) -> SwitchPoints:
    """Return where actors are switched in a code object."""
    instructions = list(_instructions(code))
    if grade is Grade.PROCESSES:
        private = (i for i in instructions if i.opname in _OF_ONE_PROCESS or i.local)
        return SwitchPoints(frozenset(i.offset for i in instructions) - {i.offset for i in private})
    if grade is Grade.ANYWHERE:
        return SwitchPoints(frozenset(i.offset for i in instructions if not i.local))
    before: set[int] = set()
    between: set[tuple[int, int]] = set()
    after_c_call: dict[int, int] = {}
    after_star_call: dict[int, int] = {}
    for row in _ROWS:
        if row.when is When.START:
            before.add(instructions[0].offset)
            continue
        for it in instructions:
            if it.opname not in row.opnames:
                continue
            if row.when is When.BEFORE:
                before.add(it.offset)
            elif row.when is When.HANDLER:
                before.add(it.target)
            elif row.when is When.AFTER_RESUME and it.argument & _RESUME_MASK <= _RESUME_AFTER_YIELD:
                before.add(it.following)
            elif row.when is When.AFTER_C_CALL or (row.when is When.AFTER_C_CALL_BUT_ENTER and not it.enters):
                after_c_call[it.offset] = it.following
            elif row.when is When.AFTER_METHOD:
                after_star_call[it.offset] = it.following
            elif row.when in (When.AFTER, When.AFTER_JUMP) or (row.when is When.AFTER_TRUTH and not it.tests_bool):
                if row.when is not When.AFTER_JUMP:
                    between.add((it.offset, it.following))
                if it.target != NOWHERE:
                    between.add((it.offset, it.target))
    unchecked = {it.offset for it in instructions if it.opname in _UNCHECKED}
    return SwitchPoints(
        frozenset(before - unchecked - {NOWHERE}),
        frozenset((last, here) for last, here in between if here not in unchecked),
        after_c_call,
        after_star_call,
        frozenset(here for it in instructions if not it.local for here in (it.following, it.target)),
    )


@dataclass(frozen=True)
class _Instruction:
    """An instruction at the offset by which events tell it, and those of its followers."""

    offset: int
    opname: str
    argument: int
    following: int
    target: int  # of a jump, or the handler of a SETUP_ instruction
    tests_bool: bool
    enters: bool  # a with block

    @property
    def local(self) -> bool:
        return self.opname in LOCAL or (self.tests_bool and self.opname in _LOCAL_ON_BOOLS)


def _instructions(code: CodeType) -> Iterator[_Instruction]:
    """Yield a code object's instructions.

    ``sys.settrace`` tells an instruction with a long argument at the EXTENDED_ARG before it, and nothing at its own
    offset; ``sys.monitoring`` tells both.
    """
    found: list[tuple[int, dis.Instruction]] = []
    head = NOWHERE
    for instruction in dis.get_instructions(code):
        head = instruction.offset if head == NOWHERE or MONITORED else head
        if instruction.opname != "EXTENDED_ARG":
            found.append((head, instruction))
            head = NOWHERE
    last = ""
    offsets = [offset for offset, _ in found]
    for (offset, instruction), following in zip(found, [*offsets[1:], NOWHERE]):
        jumps = instruction.opcode in _JUMPS
        target = instruction.argval if jumps else NOWHERE
        tests_bool = _TESTS_FIND_BOOLS or (last in _BOOLS and not instruction.is_jump_target)
        yield _Instruction(
            offset, instruction.opname, instruction.arg or 0, following, target, tests_bool, last == "LOAD_SPECIAL"
        )
        last = instruction.opname
