"""How the threads of a stride meet: each function runs one stride and returns the samples that all have done.

The loops below decide how much is seen: whatever stands between two actors' calls is time in which nothing can
happen. So what they share is repeated in each of them.
"""

from __future__ import annotations

import enum
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import chain

from .actor_threads import ActorThreads
from .stride import EndPoll, Stride, clock

#: For ``sys.setswitchinterval``, while there is a GIL.
SWITCH_INTERVAL_S = 1e-5
#: How often a thread polls for the others, in a rendezvous, before it gives its core away: about 0.2 ms.
_SPINS = 4000


class Meeting(enum.Enum):
    """How the actors of a stride come together on its samples."""

    #: Each does the sample that another one is at, and leads where there is none ahead.
    LEAPFROG = "leapfrog"
    #: All wait for each other before each sample.
    RENDEZVOUS = "spin rendezvous"
    #: All wait for each other, each in a process of its own.
    PROCESSES = "spin rendezvous of processes"


def meetings_for(*, gil: bool, cores: int, actors: int) -> tuple[Meeting, ...]:
    """Return the meetings to take in turns, the one that finds most first; ``benchmarks/race.py`` compares them.

    :param cores: how many threads can run at once: usable CPUs, or less by a quota.
    """
    if gil or cores < actors:
        return (Meeting.LEAPFROG,)
    # Both: a window late in one actor and early in another meet only where the two do not begin at once.
    return (Meeting.RENDEZVOUS, Meeting.LEAPFROG)


def meet(threads: ActorThreads, stride: Stride, meeting: Meeting) -> Sequence[int]:
    """Run a stride, and return the samples that every actor has done."""
    actors = range(len(stride.actors))
    if meeting is Meeting.LEAPFROG:
        position, limit = [0], [len(stride.states)]
        visited: list[list[int]] = [[] for _ in actors]
        threads.run([partial(_leapfrog, me, stride, position, limit, visited[me]) for me in actors], stride.halt)
        return _completed(threads, stride, visited)
    entered = [[3] for _ in actors]
    left = [[0] for _ in actors]
    threads.run([partial(_rendezvous, me, stride, entered, left) for me in actors], stride.halt)
    return range(min(stride.done))


def _rendezvous(me: int, stride: Stride, entered: list[list[int]], left: list[list[int]]) -> None:
    """Wait for the others before each sample.

    What others look at are phases, 1 to 3 in turns: no actor is ever more than one sample ahead, and small
    integers are shared without counting references, which threads on two cores would fight over.
    """
    actor, states, values = stride.actors[me], stride.states, stride.values[me]
    next_open, previous_open = stride.next_open[me], stride.previous_open[me]
    following, previous = left[(me + 1) % len(left)], left[me - 1]
    here, gone = entered[me], left[me]
    others = [cell for number, cell in enumerate(entered) if number != me]
    size = len(states)
    begin = sample = 0
    poll = EndPoll(stride)
    while begin < size:
        try:
            # One alone decides when it is over: no actor may be left in a sample that another one does not come to.
            while begin < size and not (poll.over() and (me == 0 or stride.halted)):
                for sample in range(begin, min(begin + poll.every, size)):
                    phase, before = sample % 3 + 1, (sample + 2) % 3 + 1
                    here[0] = phase
                    for other in others:
                        if other[0] == before:
                            for _ in range(_SPINS):
                                if other[0] != before:
                                    break
                            else:
                                _give_way(me, stride, other, before)
                    next_open[sample] = following[0] != phase
                    previous_open[sample] = previous[0] != phase
                    values[sample] = actor(states[sample])
                    gone[0] = phase
                begin = sample + 1
            break
        except _Alone:
            break
        except BaseException as error:  # noqa: BLE001  (SystemExit is one, too)
            stride.note_exception(me, sample, error)
            gone[0] = sample % 3 + 1
            begin = sample + 1
    stride.done[me] = begin
    if me == 0:
        stride.stopped = True


class _Alone(Exception):  # noqa: N818  (it is no error)
    """The other actors come to this sample no more."""


def _give_way(me: int, stride: Stride, other: list[int], before: int) -> None:
    """Wait for another thread that does not run now; without end, that costs a time slice for each sample."""
    stride.missed[me] += 1
    if stride.missed[me] > stride.max_missed:
        stride.cut_short()
    while other[0] == before:
        if stride.stopped or stride.halted:
            raise _Alone
        time.sleep(1e-5)


def _leapfrog(me: int, stride: Stride, position: list[int], limit: list[int], visited: list[int]) -> None:
    """Do the sample that another one is at; or, if there is none ahead, lead.

    Under a GIL each forced switch is a collision on the sample at which the other one was stopped, in either
    direction. Without a GIL all keep close to each other and none waits.

    :param position: the sample of the one that leads.
    :param limit: the sample that is not done any more. No actor stops before: another one may wait for
        it, and then they are one sample apart at most.
    """
    actor, states, values = stride.actors[me], stride.states, stride.values[me]
    next_open, previous_open, mine = stride.next_open[me], stride.previous_open[me], stride.finished[me]
    following, previous = stride.finished[(me + 1) % len(stride.actors)], stride.finished[me - 1]
    size = len(states)
    last = -1
    poll = EndPoll(stride)
    while not stride.halted:
        if poll.over():
            with stride.ending:  # one alone decides, and once: none may be sent on when another one has left
                if limit[0] == size:
                    limit[0] = min(size, max(position[0], last) + 3)
        for _ in range(poll.every):
            # Two may both take the lead, or the position go back by a little: then one does a sample alone.
            sample = position[0]
            if sample <= last:
                sample = last + 1
                if sample >= limit[0]:
                    return
                position[0] = sample
            last = sample
            try:
                next_open[sample] = following[0] < sample
                previous_open[sample] = previous[0] < sample
                values[sample] = actor(states[sample])
            except BaseException as error:  # noqa: BLE001
                stride.note_exception(me, sample, error)
            mine[0] = sample
            visited.append(sample)


def _completed(threads: ActorThreads, stride: Stride, visited: list[list[int]]) -> Sequence[int]:
    """Return the samples that two actors have come to; what others have missed of them, they do now.

    That is late, and adds no overlap. What there is no time for is dropped.
    """
    times = Counter(chain.from_iterable(visited))
    samples = sorted(sample for sample, count in times.items() if count > 1)
    if len(visited) > 2 and not stride.halted:
        missed = [sorted(set(samples).difference(seen)) for seen in visited]
        complete = [set(samples) for _ in visited]
        tasks = [partial(_catch_up, me, stride, missed[me], complete[me]) for me in range(len(visited))]
        threads.run(tasks, stride.halt)
        samples = sorted(set(samples).intersection(*complete))
    return samples


def _catch_up(me: int, stride: Stride, missed: list[int], complete: set[int]) -> None:
    """Do what was missed, while there is time; what there is none for is not complete."""
    actor, states, values = stride.actors[me], stride.states, stride.values[me]
    for index, sample in enumerate(missed):
        if stride.halted or clock() > stride.end:
            complete.difference_update(missed[index:])
            return
        try:
            values[sample] = actor(states[sample])
        except BaseException as error:  # noqa: BLE001
            stride.note_exception(me, sample, error)
