"""Article, section 2.3: ``multiprocessing.Queue``."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pytest_concclaims import Lab, is_traced

from .processes import LAST_WORK_S, WAIT_LIMIT_S
from .queues import (
    EMPTY,
    SENTINEL,
    Reader,
    child,
    ends,
    is_counting,
    loop_for_ever,
    new_queue,
    read_all,
    times_off_the_cpu,
    what_get_gives,
    write,
)

#: Seconds that a get() has to wait, and the share of them that it may miss by the clocks' resolution.
GET_TIMEOUT_S, RESOLUTION = 0.1, 0.2
#: A get(False) right after a put() takes at most this long, unless something slows it down.
RIGHT_AFTER_S = 0.001
#: Tries of get(False) right after put(). On a busy machine, the feeder thread often takes the CPU in between, and the
#: item is there. Without any Empty, tries go on until enough of them were not interrupted like that.
TRIES, TRIES_AT_ONCE, MOST_TRIES = 100, 10, 5000
#: Seconds for which a get() waits that does not return at once.
NOT_AT_ONCE_S = 0.005


@pytest.mark.claim("A Queue carries objects between processes, in order", source="article 2.3")
def test_a_queue_carries_objects_between_processes_in_order(lab: Lab) -> None:
    written = ["A", "B", "C", {"an": "object"}, *range(200)]
    with new_queue() as queue, child(write, queue, [*written, SENTINEL]) as writer:
        pid, *read = read_all(queue) or [None]
        lab.require(ends(writer, lab) and writer.exitcode == 0, "the writer has written all, and has ended")
    as_written = "as they were" if read == written else "not as they were"
    lab.note(f"{len(written)} objects were written; {len(read)} were read, {as_written}")
    lab.require(pid != os.getpid(), "they were written in another process")
    assert read == written


@pytest.mark.claim(
    "get(True) waits until an item comes, or until its timeout is over: then it raises Empty", source="article 2.3"
)
def test_get_waits_for_an_item_or_its_timeout(lab: Lab) -> None:
    begun = threading.Event()
    with new_queue() as queue, ThreadPoolExecutor(1) as another_thread:

        def get() -> object:
            begun.set()
            return what_get_gives(queue, True)

        getting = another_thread.submit(get)
        begun.wait()
        time.sleep(LAST_WORK_S)  # for a get() that does not wait to return
        waited = not getting.done()
        queue.put("an item")
        got = getting.result()

        begin = time.perf_counter()
        got_in_time = what_get_gives(queue, True, GET_TIMEOUT_S)
        seconds = time.perf_counter() - begin
    lab.note(f"get(True) {'waited' if waited else 'did not wait'} for an item, and gave {got!r}")
    lab.note(f"get(True, {GET_TIMEOUT_S:g}) on an empty queue: {got_in_time} after {seconds:.3f} s")
    assert waited
    assert got == "an item"
    assert got_in_time == EMPTY
    assert seconds >= GET_TIMEOUT_S * (1 - RESOLUTION)


@pytest.mark.claim("get(False) on an empty Queue raises Empty at once", source="article 2.3")
def test_get_false_on_an_empty_queue_raises_empty_at_once(lab: Lab) -> None:
    with new_queue() as queue:

        def get_false() -> None:
            what_get_gives(queue, False)

        def get_that_waits() -> None:
            what_get_gives(queue, True, NOT_AT_ONCE_S)

        got = what_get_gives(queue, False)
        lab.note(f"get(False) on an empty queue: {got}")
        assert got == EMPTY
        assert lab.ratio(get_false, get_that_waits) < 0.5


@pytest.mark.claim("get(False) right after put() gives the item", source="article 2.3, beyond")
@pytest.mark.refuted(
    True,
    reason="put() leaves the item to a feeder thread, which sends it later; until then the queue is empty "
    "(docs: multiprocessing, Pipes and Queues, the note)",
)
def test_get_false_right_after_put_gives_the_item(lab: Lab) -> None:
    with new_queue() as queue:
        tries = empty = arrived = at_once = 0
        seconds = []
        while tries < TRIES or (not empty and at_once < TRIES_AT_ONCE and tries < MOST_TRIES):
            before = times_off_the_cpu()
            queue.put(tries)
            begin = time.perf_counter()
            got = what_get_gives(queue, False)
            seconds.append(time.perf_counter() - begin)
            at_once += times_off_the_cpu() == before
            if got == EMPTY:
                empty += 1
                got = what_get_gives(queue, True, WAIT_LIMIT_S)
            arrived += got == tries
            tries += 1
    lab.require(arrived == tries, f"each of {tries} items arrives in the end")
    lab.note(
        f"put() and get(False), one after the other, {tries} times: the item {tries - empty} times, Empty {empty}"
    )
    slow = is_traced() or statistics.median(seconds) > RIGHT_AFTER_S
    lab.require(empty > 0 or not slow, "nothing slows get() down, such as a debugger or a coverage tool")
    lab.require(
        empty > 0 or at_once >= TRIES_AT_ONCE,
        f"in {TRIES_AT_ONCE} tries, no other thread takes the CPU between put() and get(False)",
    )
    assert empty == 0


#: Items that are written, and items that a slow reader reads of them.
WRITTEN, READ_SO_FAR = 20, 3


@pytest.mark.claim(
    "Once the writer is joined, the reader may be terminated, and nothing is lost: it has read all that was written",
    source="article 2.3, the sample's order",
)
@pytest.mark.refuted(
    True,
    reason="joining the writer says that all is in the queue, not that it was read; a slow reader is ended before "
    "it has read it (docs: multiprocessing, Joining processes that use queues; Process.terminate)",
)
def test_the_reader_may_be_terminated_once_the_writer_is_joined(lab: Lab) -> None:
    slow = Reader()
    with new_queue() as queue, child(slow.read_for_ever, queue) as reader:
        with child(write, queue, range(WRITTEN - 1)) as writer:
            lab.require(slow.let_it_read(READ_SO_FAR), "the reader reads")
            writer.join(WAIT_LIMIT_S)
            lab.require(writer.exitcode == 0, "the writer has written all, and has ended")
        reader.terminate()
        slow.allow(WRITTEN)  # if it can still read, it may
        lab.require(ends(reader, lab), "the reader ends")
        read = slow.count.value
    lab.note(f"{WRITTEN} items were written; the reader had read {read} of them when it was terminated")
    assert read == WRITTEN


@pytest.mark.claim(
    "A child in an endless loop outlives any join(timeout); terminate() ends it",
    source="article 2.3",
)
def test_an_endless_child_outlives_join_and_is_ended_by_terminate(lab: Lab) -> None:
    beats = multiprocessing.RawValue("q", 0)
    timeouts = (0, 0.02, 0.1)
    with child(loop_for_ever, beats) as endless:
        lab.require(is_counting(beats), "the child runs its loop")
        outlived = []
        for timeout in timeouts:
            endless.join(timeout)
            outlived.append(endless.is_alive() and is_counting(beats))
        endless.terminate()
        ended = ends(endless, lab)
    lab.note(
        f"after join() with {len(timeouts)} timeouts, up to {max(timeouts):g} s, the child's loop went on "
        f"{sum(outlived)} times; after terminate(), the child {'ended' if ended else 'lived on'}"
    )
    assert all(outlived)
    assert ended


@pytest.mark.claim("A child that reads on and on, whatever comes, can only be ended by force", source="article 2.3")
@pytest.mark.refuted(
    True,
    reason="a sentinel, an item that says that nothing more will come, lets it end by itself "
    "(docs: the library's queue examples; iter(callable, sentinel))",
)
def test_an_endless_child_can_only_be_ended_by_force(lab: Lab) -> None:
    reader = Reader()
    with new_queue() as queue, child(reader.read_on, queue) as endless:
        queue.put("an item")
        lab.require(reader.let_it_read(1), "the child reads on as long as items come")
        lab.require(endless.is_alive(), "the child lives until the sentinel is sent")
        queue.put(SENTINEL)
        ended = ends(endless, lab)
        lab.require(not ended or endless.exitcode == 0, "the child did not fail, and no signal ended it")
    lab.note(f"after a sentinel, the child {'ended by itself' if ended else 'went on'}")
    assert not ended
