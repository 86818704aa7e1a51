"""Small objects that threads share; some are right, and some are wrong on some interpreters.

``truth.py`` runs threads freely on them, and compares the answers of ``lab.race`` with the outcomes. Each object does
something that interpreters do differently, such as where they can switch threads, or what they do in C.

They import the standard library only, so that any interpreter can run them.
"""

from __future__ import annotations

import functools
import itertools
import queue
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar

Actor = Callable[[Any], object]


@dataclass(frozen=True)
class SmallObject:
    """A state, and what threads do with it at the same time.

    :param actors: one for each thread.
    :param right: the outcomes of actors that run one after the other; any other outcome is wrong.
    :param observe: returns the outcome; None: it is the tuple of the actors' values.
    :param control: actors on the same state that go wrong, if those by default would not.
    :param deadlock: whether it goes wrong by a deadlock.
    :param pooled: whether many states can exist at the same time.
    """

    name: str
    setup: Callable[[], Any]
    actors: tuple[Actor, ...]
    right: frozenset[Hashable]
    observe: Callable[[Any], Hashable] | None = None
    control: tuple[Actor, ...] | None = None
    deadlock: bool = False
    pooled: bool = True

    def is_wrong(self, outcome: Hashable) -> bool:
        """Return whether no order of the actors leads to an outcome."""
        return outcome not in self.right


# --- a counter, to which each actor adds one


class Counter:
    def __init__(self) -> None:
        self.value = 0
        self.lock = threading.Lock()

    def get(self) -> int:
        return self.value

    @property
    def level(self) -> int:
        return self.value

    @level.setter
    def level(self, value: int) -> None:
        self.value = value

    def __format__(self, spec: str) -> str:
        return DIGITS[self.value]


#: A tuple, as a lookup in it makes no call.
DIGITS = ("0", "1", "2", "3")
NUMBERS = {"0": 0, "1": 1, "2": 2, "3": 3}


def value_of(counter: Counter) -> int:
    return counter.value


def read(counter: Counter) -> int:
    return counter.value


def write(counter: Counter, value: int) -> None:
    counter.value = value


def same(value: int) -> int:
    return value


def plain(counter: Counter) -> None:
    counter.value += 1


def plain_locked(counter: Counter) -> None:
    with counter.lock:
        counter.value += 1


def read_in_function(counter: Counter) -> None:
    counter.value = read(counter) + 1


def read_in_method(counter: Counter) -> None:
    counter.value = counter.get() + 1


def read_by_keyword_call(counter: Counter) -> None:
    counter.value = read(counter=counter) + 1


def read_by_starred_call(counter: Counter) -> None:
    counter.value = read(*(counter,)) + 1


class Reading:
    def __init__(self, counter: Counter) -> None:
        self.value = counter.value


def read_by_class_call(counter: Counter) -> None:
    counter.value = Reading(counter).value + 1


def read_in_property(counter: Counter) -> None:
    counter.value = counter.level + 1


def read_in_f_string(counter: Counter) -> None:
    counter.value = NUMBERS[f"{counter}"] + 1


def written_in_function(counter: Counter) -> None:
    write(counter, counter.value + 1)


def written_in_function_locked(counter: Counter) -> None:
    with counter.lock:
        write(counter, counter.value + 1)


def written_by_keyword_call(counter: Counter) -> None:
    write(counter=counter, value=counter.value + 1)


def written_in_property(counter: Counter) -> None:
    counter.level += 1


def written_in_handler(counter: Counter) -> None:
    try:
        value = counter.value
        NUMBERS["four"]
    except KeyError:
        counter.value = value + 1


def function_between(counter: Counter) -> None:
    counter.value = same(counter.value + 1)


def c_function_between(counter: Counter) -> None:
    counter.value = abs(counter.value + 1)


def c_keyword_call_between(counter: Counter) -> None:
    counter.value = sum((counter.value,), start=1)


class Number(int):
    pass


def class_call_between(counter: Counter) -> None:
    counter.value = Number(counter.value + 1)


class One:
    def __radd__(self, value: int) -> int:
        return value + 1

    def __format__(self, spec: str) -> str:
        return "1"


ONE = One()


def operator_between(counter: Counter) -> None:
    counter.value = counter.value + ONE


def comprehension_between(counter: Counter) -> None:
    counter.value = [value + 1 for value in (counter.value,)][0]  # noqa: RUF015  (the comprehension is tested)


def generator_between(counter: Counter) -> None:
    (counter.value,) = (value + 1 for value in (counter.value,))


class Transaction:
    """Reads a counter on entry; writes it on exit, if requested."""

    def __init__(self, counter: Counter, *, writes: bool) -> None:
        self.counter = counter
        self.writes = writes
        self.value = 0

    def __enter__(self) -> int:
        self.value = self.counter.value
        return self.value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.writes:
            self.counter.value = self.value + 1


def read_on_entry(counter: Counter) -> None:
    with Transaction(counter, writes=False) as value:
        counter.value = value + 1


def read_on_entry_locked(counter: Counter) -> None:
    with counter.lock, Transaction(counter, writes=False) as value:
        counter.value = value + 1


def written_on_exit(counter: Counter) -> None:
    with Transaction(counter, writes=True):
        pass


def read_before_lock(counter: Counter) -> None:
    value = counter.value
    with counter.lock:
        counter.value = value + 1


def two_sections(counter: Counter) -> None:
    with counter.lock:
        value = counter.value
    with counter.lock:
        counter.value = value + 1


def add_5_and_take_it_away(counter: Counter) -> None:
    counter.value = counter.value + 5
    counter.value = counter.value - 5


def add_8_and_take_it_away(counter: Counter) -> None:
    counter.value = counter.value + 8
    counter.value = counter.value - 8


def add_5_and_take_it_away_by_calls(counter: Counter) -> None:
    counter.value = same(counter.value + 5)
    counter.value = same(counter.value - 5)


def add_8_and_take_it_away_by_calls(counter: Counter) -> None:
    counter.value = same(counter.value + 8)
    counter.value = same(counter.value - 8)


class Text:
    def __init__(self) -> None:
        self.text = ""


def f_string_between(text: Text) -> None:
    text.text = text.text + f"{ONE}"


def text_of(text: Text) -> str:
    return text.text


# --- a cache that should make its value once; the value has the name of its actor, and each actor returns its value


class Key:
    """A key that is compared by Python code."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.name == other.name


class Cache:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.values: dict[object, str] = {Key("other"): "other"}
        self.key = Key("key")
        self.value: str | None = None
        self.parts: list[str] | None = None
        self.made: list[str] = []
        self.full = threading.Event()


def unguarded(name: str) -> Actor:
    def get(cache: Cache) -> str | None:
        if cache.value is None:
            cache.value = name
        return cache.value

    return get


def checked_outside(name: str) -> Actor:
    def get(cache: Cache) -> str | None:
        if cache.value is None:
            with cache.lock:
                cache.value = same_text(name)
        return cache.value

    return get


def same_text(text: str) -> str:
    return text


def checked_twice(name: str) -> Actor:
    def get(cache: Cache) -> str | None:
        if cache.value is None:
            with cache.lock:
                if cache.value is None:
                    cache.value = same_text(name)
        return cache.value

    return get


def published_early(cache: Cache) -> int:
    if cache.parts is None:
        with cache.lock:
            if cache.parts is None:
                cache.parts = []
                for part in DIGITS:
                    cache.parts.append(part)
    return len(cache.parts)


def published_late(cache: Cache) -> int:
    if cache.parts is None:
        with cache.lock:
            if cache.parts is None:
                parts = []
                for part in DIGITS:
                    parts.append(part)  # noqa: PERF402  (the single steps are tested)
                cache.parts = parts
    return len(cache.parts)


def made_in_handler(name: str) -> Actor:
    def get(cache: Cache) -> str:
        try:
            return cache.values["key"]
        except KeyError:
            cache.values["key"] = name
        return cache.values["key"]

    return get


def looked_up_by_eq(name: str) -> Actor:
    def get(cache: Cache) -> str:
        if cache.key not in cache.values:
            cache.values[cache.key] = name
        return cache.values[cache.key]

    return get


def looked_up_by_eq_locked(name: str) -> Actor:
    look_up = looked_up_by_eq(name)

    def get(cache: Cache) -> object:
        with cache.lock:
            return look_up(cache)

    return get


def set_by_default(name: str) -> Actor:
    def get(cache: Cache) -> str:
        return cache.values.setdefault("key", name)

    return get


def checked_by_event(cache: Cache) -> None:
    if not cache.full.is_set():
        cache.made.append("value")
        cache.full.set()


def checked_by_event_locked(cache: Cache) -> None:
    with cache.lock:
        checked_by_event(cache)


def number_made(cache: Cache) -> int:
    return len(cache.made)


class Cached:
    """A function with ``functools.lru_cache``."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        made: list[int] = []

        @functools.cache
        def compute(key: int) -> int:
            made.append(key)
            return key

        self.compute = compute
        self.made = made


def call_cached(cached: Cached) -> None:
    cached.compute(1)


def call_cached_locked(cached: Cached) -> None:
    with cached.lock:
        cached.compute(1)


def times_computed(cached: Cached | Report) -> int:
    return len(cached.made)


class Report:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.made: list[int] = []

    @functools.cached_property
    def total(self) -> int:
        self.made.append(1)
        return 1


def total_of(report: Report) -> None:
    report.total  # noqa: B018  (computes it)


def total_of_locked(report: Report) -> None:
    with report.lock:
        report.total  # noqa: B018  (computes it)


class Settings:
    """Settings that a process has once; :func:`no_settings` removes them."""

    instance: ClassVar[Settings | None] = None
    made: ClassVar[list[Settings]] = []
    lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        Settings.made.append(self)


def no_settings() -> type[Settings]:
    Settings.instance = None
    Settings.made = []
    return Settings


def settings(cls: type[Settings]) -> None:
    if cls.instance is None:
        cls.instance = cls()


def settings_locked(cls: type[Settings]) -> None:
    with cls.lock:
        if cls.instance is None:
            cls.instance = cls()


def number_of_settings(cls: type[Settings]) -> int:
    return len(cls.made)


# --- locks and conditions


class Locks:
    def __init__(self) -> None:
        self.one = threading.Lock()
        self.other = threading.Lock()


def one_then_other(locks: Locks) -> None:
    with locks.one, locks.other:
        pass


def other_then_one(locks: Locks) -> None:
    with locks.other, locks.one:
        pass


def one_then_other_with_call(locks: Locks) -> None:
    with locks.one:
        same(1)
        with locks.other:
            pass


def other_then_one_with_call(locks: Locks) -> None:
    with locks.other:
        same(1)
        with locks.one:
            pass


class Mailbox:
    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.letters: list[int] = []


def put(mailbox: Mailbox) -> None:
    with mailbox.condition:
        mailbox.letters.append(1)
        mailbox.condition.notify()


def take_checked_outside(mailbox: Mailbox) -> int:
    if not mailbox.letters:
        with mailbox.condition:
            mailbox.condition.wait()
    return mailbox.letters.pop()


def take_checked_inside(mailbox: Mailbox) -> int:
    with mailbox.condition:
        while not mailbox.letters:
            mailbox.condition.wait()
        return mailbox.letters.pop()


def put_two(mailbox: Mailbox) -> None:
    for letter in (1, 2):
        with mailbox.condition:
            mailbox.letters.append(letter)
            mailbox.condition.notify_all()


def take_after_one_look(mailbox: Mailbox) -> int | None:
    with mailbox.condition:
        if not mailbox.letters:
            mailbox.condition.wait()
        return mailbox.letters.pop() if mailbox.letters else None


# --- containers


def empty_box() -> list[int]:
    return []


def fill_by_len(box: list[int]) -> None:
    if len(box) < 1:
        box.append(1)


def fill_by_truth(box: list[int]) -> None:
    if not box:
        box.append(1)


class Members:
    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.names = {"a": 1, "b": 2}
        self.tuple: tuple[int, ...] = ()
        self.list: list[int] = []


def join(members: Members) -> None:
    members.names["c"] = 3


def join_locked(members: Members) -> None:
    with members.lock:
        members.names["c"] = 3


def iterate(members: Members) -> bool:
    try:
        for _ in members.names:
            pass
    except RuntimeError:
        return False
    return True


def iterate_locked(members: Members) -> bool:
    with members.lock:
        return iterate(members)


def extend_tuple(members: Members) -> None:
    members.tuple += (1,)


def extend_list(members: Members) -> None:
    members.list += [1]


def length_of_tuple(members: Members) -> int:
    return len(members.tuple)


def length_of_list(members: Members) -> int:
    return len(members.list)


def three_items() -> list[int]:
    return [3, 1, 2]


def sort_by_key(items: list[int]) -> None:
    items.sort(key=same)


def sort_copy(items: list[int]) -> tuple[int, ...]:
    return tuple(sorted(items, key=same))


class Numbers:
    """A generator that threads share."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.numbers = count_up()
        self.counted = itertools.count()
        self.queue: queue.Queue[int] = queue.Queue()
        self.queue.put(1)


def count_up() -> Iterator[int]:
    number = 0
    while True:
        number = same(number + 1)
        yield number


def next_number(numbers: Numbers) -> int | None:
    try:
        return next(numbers.numbers)
    except ValueError:  # another thread is in the generator
        return None


def next_number_locked(numbers: Numbers) -> int | None:
    with numbers.lock:
        return next_number(numbers)


def next_count(numbers: Numbers) -> int:
    return next(numbers.counted)


def get_unless_empty(numbers: Numbers) -> bool:
    try:
        if not numbers.queue.empty():
            numbers.queue.get_nowait()
    except queue.Empty:
        return False
    return True


def get_or_none(numbers: Numbers) -> bool:
    try:
        numbers.queue.get_nowait()
    except queue.Empty:
        return True
    return True


def _counter(actor: Actor, control: Actor | None = None, *, actors: int = 2) -> SmallObject:
    """Return the object of actors that each add one to a counter."""
    beside = None if control is None else (control,) * actors
    name = actor.__name__.replace("_", " ") + (f", {actors} threads" if actors > 2 else "")
    return SmallObject(name, Counter, (actor,) * actors, frozenset({actors}), value_of, beside)


def _cache(make: Callable[[str], Actor], control: Callable[[str], Actor] | None = None) -> SmallObject:
    """Return the object of actors that should both get the value that one of them made."""
    name = make.__name__.replace("_", " ")
    beside = None if control is None else (control("A"), control("B"))
    right = frozenset({("A", "A"), ("B", "B")})
    return SmallObject(name, Cache, (make("A"), make("B")), right, None, beside)


def _once(
    setup: Callable[[], Any], actor: Actor, observe: Callable[[Any], int], control: Actor | None = None, **more: Any
) -> SmallObject:
    """Return the object of actors by which something should happen once."""
    beside = None if control is None else (control,) * 2
    return SmallObject(actor.__name__.replace("_", " "), setup, (actor,) * 2, frozenset({1}), observe, beside, **more)


_BOTH_NUMBERS = frozenset({(1, 2), (2, 1)})
_BOTH_COUNTS = frozenset({(0, 1), (1, 0)})
_BOTH_LETTERS = frozenset({(1, 2, None), (2, 1, None)})

OBJECTS = (
    _counter(plain, function_between),
    _counter(plain_locked, function_between),
    _counter(read_in_function, function_between),
    _counter(read_in_method, function_between),
    _counter(read_by_keyword_call, function_between),
    _counter(read_by_starred_call, function_between),
    _counter(read_by_class_call, function_between),
    _counter(read_in_property, function_between),
    _counter(read_in_f_string, function_between),
    _counter(read_on_entry, function_between),
    _counter(read_on_entry_locked, function_between),
    _counter(read_before_lock, function_between),
    _counter(two_sections),
    _counter(written_in_function),
    _counter(written_in_function, actors=3),
    _counter(written_in_function_locked, written_in_function),
    _counter(written_by_keyword_call),
    _counter(written_in_property),
    _counter(written_in_handler, function_between),
    _counter(written_on_exit),
    _counter(function_between),
    _counter(c_function_between),
    _counter(c_keyword_call_between),
    _counter(class_call_between),
    _counter(operator_between),
    _counter(comprehension_between),
    _counter(generator_between),
    SmallObject(
        "add and take away",
        Counter,
        (add_5_and_take_it_away, add_8_and_take_it_away),
        frozenset({0}),
        value_of,
        (add_5_and_take_it_away_by_calls, add_8_and_take_it_away_by_calls),
    ),
    SmallObject(
        "add and take away by calls",
        Counter,
        (add_5_and_take_it_away_by_calls, add_8_and_take_it_away_by_calls),
        frozenset({0}),
        value_of,
    ),
    SmallObject("f string between", Text, (f_string_between,) * 2, frozenset({"11"}), text_of),
    _cache(unguarded, checked_outside),
    _cache(checked_outside),
    _cache(checked_twice, checked_outside),
    SmallObject("published early", Cache, (published_early,) * 2, frozenset({(4, 4)})),
    SmallObject("published late", Cache, (published_late,) * 2, frozenset({(4, 4)}), None, (published_early,) * 2),
    _cache(made_in_handler, checked_outside),
    _cache(looked_up_by_eq),
    _cache(looked_up_by_eq_locked, looked_up_by_eq),
    _cache(set_by_default, looked_up_by_eq),
    _once(Cache, checked_by_event, number_made),
    _once(Cache, checked_by_event_locked, number_made, checked_by_event),
    _once(Cached, call_cached, times_computed),
    _once(Cached, call_cached_locked, times_computed, call_cached),
    _once(Report, total_of, times_computed),
    _once(Report, total_of_locked, times_computed, total_of),
    _once(no_settings, settings, number_of_settings, pooled=False),
    _once(no_settings, settings_locked, number_of_settings, settings, pooled=False),
    SmallObject(
        "locks in two orders",
        Locks,
        (one_then_other, other_then_one),
        frozenset({(None, None)}),
        control=(one_then_other_with_call, other_then_one_with_call),
        deadlock=True,
    ),
    SmallObject(
        "locks in two orders, call between",
        Locks,
        (one_then_other_with_call, other_then_one_with_call),
        frozenset({(None, None)}),
        deadlock=True,
    ),
    SmallObject(
        "locks in one order",
        Locks,
        (one_then_other_with_call, one_then_other_with_call),
        frozenset({(None, None)}),
        control=(one_then_other_with_call, other_then_one_with_call),
        deadlock=True,
    ),
    SmallObject("wait, checked outside", Mailbox, (take_checked_outside, put), frozenset({(1, None)}), deadlock=True),
    SmallObject(
        "wait, checked inside",
        Mailbox,
        (take_checked_inside, put),
        frozenset({(1, None)}),
        control=(take_checked_outside, put),
        deadlock=True,
    ),
    SmallObject("wait, one look", Mailbox, (take_after_one_look, take_after_one_look, put_two), _BOTH_LETTERS),
    SmallObject(
        "wait, look again",
        Mailbox,
        (take_checked_inside, take_checked_inside, put_two),
        _BOTH_LETTERS,
        control=(take_after_one_look, take_after_one_look, put_two),
    ),
    _once(empty_box, fill_by_len, len),
    _once(empty_box, fill_by_truth, len, fill_by_len),
    SmallObject("iterate and insert", Members, (iterate, join), frozenset({(True, None)})),
    SmallObject(
        "iterate and insert, locked",
        Members,
        (iterate_locked, join_locked),
        frozenset({(True, None)}),
        control=(iterate, join),
    ),
    SmallObject("extend tuple", Members, (extend_tuple,) * 2, frozenset({2}), length_of_tuple),
    SmallObject("extend list", Members, (extend_list,) * 2, frozenset({2}), length_of_list),
    SmallObject("sort and len", three_items, (sort_by_key, len), frozenset({(None, 3)})),
    SmallObject("sort a copy and len", three_items, (sort_copy, len), frozenset({((1, 2, 3), 3)})),
    SmallObject("shared generator", Numbers, (next_number,) * 2, _BOTH_NUMBERS),
    SmallObject(
        "shared generator, locked", Numbers, (next_number_locked,) * 2, _BOTH_NUMBERS, control=(next_number,) * 2
    ),
    SmallObject("shared itertools.count", Numbers, (next_count,) * 2, _BOTH_COUNTS),
    SmallObject("queue, checked before", Numbers, (get_unless_empty,) * 2, frozenset({(True, True)})),
    SmallObject(
        "queue, asked once",
        Numbers,
        (get_or_none,) * 2,
        frozenset({(True, True)}),
        control=(get_unless_empty,) * 2,
    ),
)
