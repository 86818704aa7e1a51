"""Switch points: where in the bytecode this interpreter can switch to another thread.

**With a GIL.** A thread releases the GIL on request where the evaluation loop checks the ``eval_breaker``. ``TABLE``
has the instructions at which it does so, with the source of each row: CPython's evaluation loop is
``Python/ceval.c``, and from 3.12 on ``Python/bytecodes.c``. Each row was also seen in threads that run freely, and no
switch outside of the rows: ``test_switch_points.py`` repeats that on each interpreter.

An instruction may be specialized after it has run often. A switch point counts if it exists in any state of the code:
a call of ``len`` has one after it until it is specialized.

**Anywhere.** Without a GIL, and on PyPy, threads can be switched before each instruction. Before an instruction that
touches only locals, the stack and the frame (``LOCAL``), a switch shows nothing that a switch before the next one
does not show. So there are no switch points before these. Cells, globals and attributes are shared, and operations
such as truth, hash, iteration and formatting run code of a type: these are not local. POP_TOP and STORE_FAST drop a
reference. If it was the last one, a finalizer in Python has switch points of its own, and a weak reference shows the
end one instruction late. DELETE_FAST and the returns, whose purpose is to drop references, are not local.

**Processes.** They do not share variables of modules and of enclosing functions either. A call, an attribute, an
operator or an iteration may reach shared memory or a file.
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
    """When threads can be switched at an instruction."""

    START = "before the first instruction of a function"
    HANDLER = "before an exception's handler, which these instructions set up"
    BEFORE = "before or after it, which is the same, as it does nothing but jump"
    AFTER = "after it"
    AFTER_RESUME = "after it, unless it resumes from yield from or await"
    AFTER_JUMP = "after it, if it jumped"
    AFTER_TRUTH = "after it, unless it tested a bool"
    AFTER_C_CALL = "after it, unless it called a Python function directly"
    AFTER_C_CALL_BUT_ENTER = "the same, unless it enters a with block"
    AFTER_METHOD = "after it, if it called a bound method"


@dataclass(frozen=True)
class Row:
    """One kind of switch point.

    :param versions: of CPython with a GIL, first and last.
    :param opnames: the instructions.
    :param source: where CPython's source has the check.
    """

    kind: str
    versions: tuple[tuple[int, int], tuple[int, int]]
    when: When
    opnames: frozenset[str]
    source: str


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Instructions of 3.9 that end with FAST_DISPATCH(), which does not check the eval_breaker.
_FAST_3_9 = _names(
    "NOP LOAD_FAST LOAD_CONST STORE_FAST POP_TOP ROT_TWO ROT_THREE ROT_FOUR DUP_TOP DUP_TOP_TWO END_ASYNC_FOR "
    "LOAD_ASSERTION_ERROR IS_OP CONTAINS_OP JUMP_FORWARD EXTENDED_ARG"
)
_TRUTH_TESTS = _names("POP_JUMP_IF_FALSE POP_JUMP_IF_TRUE JUMP_IF_FALSE_OR_POP JUMP_IF_TRUE_OR_POP")
_SETUPS = _names("SETUP_FINALLY SETUP_WITH SETUP_ASYNC_WITH")
#: Instructions before which 3.9 and 3.10 do not check the eval_breaker (Python/ceval.c, main_loop).
_UNCHECKED = _names("SETUP_FINALLY SETUP_WITH BEFORE_ASYNC_WITH YIELD_FROM")
#: Instructions that leave a bool. A comparison may leave another object, but a new one that is not shared.
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
        "ceval.c: DISPATCH() checks the eval_breaker, FAST_DISPATCH() does not",
    ),
    Row(
        "after a test of an object that is not a bool",
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
        "ceval.c and bytecodes.c CALL: a Python function's frame is pushed, all other calls end with the check",
    ),
    Row(
        "after a call that ran C, but not into a with block",
        ((3, 15), _LATEST),
        When.AFTER_C_CALL_BUT_ENTER,
        _names("CALL"),
        "as before; 3.15.2 was seen to have none between __enter__ and the block (3.14 has one there)",
    ),
    Row(
        "after a call with *args",
        ((3, 11), (3, 11)),
        When.AFTER,
        _names("CALL_FUNCTION_EX"),
        "ceval.c CALL_FUNCTION_EX: also if it called a Python function",
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
    """Return the table's rows for a version of CPython with a GIL. A newer version has those of the latest known."""
    known = min(version, _LATEST)
    return tuple(row for row in TABLE if row.versions[0] <= known <= row.versions[1])


#: Instructions that touch only locals, the stack and the frame.
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
#: Instructions that cannot touch what processes share.
_OF_ONE_PROCESS = LOCAL | _names(
    "LOAD_GLOBAL STORE_GLOBAL DELETE_GLOBAL LOAD_NAME STORE_NAME LOAD_DEREF STORE_DEREF DELETE_DEREF LOAD_CLASSDEREF "
    "LOAD_FROM_DICT_OR_DEREF LOAD_FROM_DICT_OR_GLOBALS LOAD_LOCALS BUILD_MAP BUILD_CONST_KEY_MAP LOAD_BUILD_CLASS"
)
#: Instructions that are local if they test a bool. For other objects, they run code of the type.
_LOCAL_ON_BOOLS = _TRUTH_TESTS | _names(
    "UNARY_NOT POP_JUMP_FORWARD_IF_FALSE POP_JUMP_FORWARD_IF_TRUE "
    "POP_JUMP_BACKWARD_IF_FALSE POP_JUMP_BACKWARD_IF_TRUE"
)
#: From 3.13 on, they always test a bool, as TO_BOOL comes before them.
_TESTS_FIND_BOOLS = CPYTHON and sys.version_info >= (3, 13)

_ROWS = rows(sys.version_info[:2])
_JUMPS = frozenset([*dis.hasjrel, *dis.hasjabs])
#: The bits of RESUME's argument that say where it is, and their highest value with a switch point: 0 is a function's
#: start, and 1 is after yield.
_RESUME_MASK = 3
_RESUME_AFTER_YIELD = 1
NOWHERE = -1

#: Whether instructions are reported by sys.monitoring, and not by sys.settrace.
MONITORED = hasattr(sys, "monitoring")


@dataclass(frozen=True)
class SwitchPoints:
    """The switch points in a code object. All numbers are offsets of instructions, as events report them.

    :param before: instructions that have a switch point before them, however they were reached.
    :param between: pairs of instructions, with a switch point between the two if they run one after the other in the
        same frame (3.9 to 3.11 only).
    :param after_c_call: calls and the instructions that follow them, with a switch point in between unless the call
        was of a Python function.
    :param after_star_call: calls with ``*args`` and the instructions that follow them, with a switch point in between
        if the call was of a bound method.
    """

    before: frozenset[int]
    between: frozenset[tuple[int, int]] = frozenset()
    after_c_call: Mapping[int, int] = field(default_factory=dict)
    after_star_call: Mapping[int, int] = field(default_factory=dict)


def switches_anywhere(gil: bool) -> bool:
    """Return whether threads can be switched between any two instructions: without a GIL, and on PyPy.

    PyPy checks for a switch before each instruction (``pypy/interpreter/pyopcode.py``: bytecode_trace).
    """
    return PYPY or not gil


class Grade(enum.Enum):
    """Which instructions have switch points."""

    HERE = "those of the table's rows for this version"
    ANYWHERE = "all that can touch what threads share, as without a GIL and on PyPy"
    PROCESSES = "all that can touch what processes share"


def switch_points(code: CodeType, grade: Grade) -> SwitchPoints:
    """Return the switch points in a code object."""
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
    )


@dataclass(frozen=True)
class _Instruction:
    """An instruction, with the offsets at which events report it and its followers."""

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

    ``sys.settrace`` reports an instruction with a long argument at the EXTENDED_ARG before it, and not at its own
    offset; ``sys.monitoring`` reports both.
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
