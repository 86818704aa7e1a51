"""The strategies by which the actors' threads overlap in a stride.

The loops below decide how often an effect is seen: between two calls of an actor, nothing can happen. So each loop
repeats the code that they have in common.
"""

from __future__ import annotations

import enum
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import chain

from .actor_threads import ActorThreads
from .stand_ins import StandIns
from .stride import EndPoll, Stride, clock

#: For ``sys.setswitchinterval``, while there is a GIL.
SWITCH_INTERVAL_S = 1e-5
#: How often a thread of a rendezvous polls the others before it sleeps: for about 0.2 ms.
_SPINS = 4000


class Strategy(enum.Enum):
    """How the actors of a stride meet on its samples."""

    #: Each runs the sample of the one that leads, or takes the lead.
    LEAPFROG = "leapfrog"
    #: All wait for each other before each sample.
    RENDEZVOUS = "spin rendezvous"
    #: The same, with each actor in a process of its own.
    PROCESSES = "spin rendezvous of processes"


def strategies_for(*, gil: bool, cores: int, actors: int) -> tuple[Strategy, ...]:
    """Return the strategies to use in turns, the most effective first; ``benchmarks/race.py`` compares them.

    :param cores: how many threads can run at the same time: the usable CPUs, or fewer by a quota.
    """
    if gil or cores < actors:
        return (Strategy.LEAPFROG,)
    # Both: code late in one actor and early in another overlap only if the two do not begin at the same time.
    return (Strategy.RENDEZVOUS, Strategy.LEAPFROG)


def meet(threads: ActorThreads, stride: Stride, strategy: Strategy) -> Sequence[int]:
    """Run a stride; return the samples that every actor has done."""
    actors = range(len(stride.actors))
    if strategy is Strategy.LEAPFROG:
        position, limit = [0], [len(stride.states)]
        visited: list[list[int]] = [[] for _ in actors]
        stand_ins = StandIns(stride, visited, threads.names, threads.timeout)
        tasks = [partial(_leapfrog, me, stride, position, limit, visited[me]) for me in actors]
        threads.run(tasks, stride.halt, stand_ins.help_out)
        stand_ins.join()
        return _completed(threads, stand_ins)
    entered = [[3] for _ in actors]
    left = [[0] for _ in actors]
    threads.run([partial(_rendezvous, me, stride, entered, left) for me in actors], stride.halt)
    return range(min(stride.done))


def _rendezvous(me: int, stride: Stride, entered: list[list[int]], left: list[list[int]]) -> None:
    """Wait for the others before each sample.

    Each actor publishes its phase, which is 1 to 3 in turns: no actor is ever more than one sample ahead. Small
    integers are shared without counting references, for which threads on two cores would contend.
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
            # Only the first actor decides on the end: none may be left waiting in a sample that another does not do.
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


class _Alone(Exception):  # noqa: N818  (it is not an error)
    """The other actors do not reach this sample any more."""


def _give_way(me: int, stride: Stride, other: list[int], before: int) -> None:
    """Sleep until another thread, which does not run now, goes on; too many of these waits cut the stride short."""
    stride.missed[me] += 1
    if stride.missed[me] > stride.max_missed:
        stride.cut_short()
    while other[0] == before:
        if stride.stopped or stride.halted:
            raise _Alone
        time.sleep(1e-5)


def _leapfrog(me: int, stride: Stride, position: list[int], limit: list[int], visited: list[int]) -> None:
    """Run the sample of the actor that leads, or take the lead.

    With a GIL, each forced switch is a collision on the sample in which the other actor was stopped. Without a GIL,
    the actors stay close to each other and none waits.

    :param position: the sample of the actor that leads.
    :param visited: gets each sample when it begins.
    :param limit: the first sample that is not done. Each actor goes on up to it, as another one may wait for it;
        the two are then at most one sample apart.
    """
    actor, states, values = stride.actors[me], stride.states, stride.values[me]
    next_open, previous_open, mine = stride.next_open[me], stride.previous_open[me], stride.finished[me]
    following, previous = stride.finished[(me + 1) % len(stride.actors)], stride.finished[me - 1]
    size = len(states)
    last = -1
    poll = EndPoll(stride)
    while not stride.halted:
        if poll.over():
            with stride.ending:  # set once, by one actor: none may go on after another one has left
                if limit[0] == size:
                    limit[0] = min(size, max(position[0], last) + 3)
        for _ in range(poll.every):
            # Two actors may both take the lead, or the position may go back a little; then one does a sample alone.
            sample = position[0]
            if sample <= last:
                sample = last + 1
                if sample >= limit[0]:
                    return
                position[0] = sample
            last = sample
            visited.append(sample)
            try:
                next_open[sample] = following[0] < sample
                previous_open[sample] = previous[0] < sample
                values[sample] = actor(states[sample])
            except BaseException as error:  # noqa: BLE001
                stride.note_exception(me, sample, error)
            mine[0] = sample


def _completed(threads: ActorThreads, stand_ins: StandIns) -> Sequence[int]:
    """Return the samples that at least two actors have done, after the other actors have done them too.

    Those are late, which adds no overlap. A sample that is not complete in time is dropped.
    """
    stride, visited = stand_ins.stride, stand_ins.visited
    times = Counter(chain.from_iterable(visited))
    samples = sorted(sample for sample, count in times.items() if count > 1)
    if len(visited) > 2 and not stride.halted:
        missed = [sorted(set(samples).difference(seen)) for seen in visited]
        complete = [set(samples) for _ in visited]
        tasks = [partial(_catch_up, me, stand_ins, missed[me], complete[me]) for me in range(len(visited))]
        stand_ins.are_catching_up = True
        threads.run(tasks, stride.halt, stand_ins.help_out)
        stand_ins.join()
        samples = sorted(set(samples).intersection(*complete))
    return samples


def _catch_up(me: int, stand_ins: StandIns, missed: list[int], complete: set[int]) -> None:
    """Do the samples that an actor missed, while there is time; the others are not complete."""
    stride = stand_ins.stride
    for index, sample in enumerate(missed):
        if stride.halted or clock() > stride.end:
            complete.difference_update(missed[index:])
            return
        if stand_ins.take(me, sample):
            stand_ins.visited[me].append(sample)
            stand_ins.call(me, sample)
            stride.finished[me][0] = sample
