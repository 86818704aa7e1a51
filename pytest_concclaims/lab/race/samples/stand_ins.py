"""Stand-ins for actors that have skipped a sample in which another one waits for them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from contextlib import suppress

from ...failure import Failed
from ...threads import hang
from .stride import Halted, Stride


class StandIns:
    """Threads that call an actor for a sample that its own thread has skipped.

    In a leapfrog, an actor skips samples. In one of these, another actor may wait for it, such as at a barrier.

    :param visited: for each actor, the samples that it has begun.
    :param names: of the actors, for messages.
    :param timeout: seconds after which a stand-in that has not returned hangs.
    """

    def __init__(self, stride: Stride, visited: Sequence[list[int]], names: Sequence[str], timeout: float) -> None:
        self.stride = stride
        self.visited = visited
        self._names = names
        self._timeout = timeout
        self._taken: set[tuple[int, int]] = set()
        self._mutex = threading.Lock()
        self._threads: list[tuple[str, threading.Thread]] = []
        #: Whether actors do the samples that they have skipped now, and not only later ones.
        self.are_catching_up = False

    def take(self, actor: int, sample: int) -> bool:
        """Return whether a sample that an actor has skipped is still to be done for it; then the caller does it."""
        with self._mutex:
            is_free = (actor, sample) not in self._taken
            self._taken.add((actor, sample))
        return is_free

    def help_out(self, left: Collection[int]) -> None:
        """Start stand-ins for those who have skipped a sample that an actor is in.

        :param left: the actors that have not ended.
        """
        for sample in {self.visited[actor][-1] for actor in left if self._is_inside(actor)}:
            for actor, begun in enumerate(self.visited):
                comes_later = not self.are_catching_up and actor in left and not (begun and begun[-1] > sample)
                if sample not in begun and not comes_later and self.take(actor, sample):
                    self._start(actor, sample)

    def call(self, actor: int, sample: int) -> None:
        """Do a sample for an actor in this thread.

        :raises Halted: what the actor raised is not an outcome.
        """
        stride = self.stride
        try:
            stride.values[actor][sample] = stride.actors[actor](stride.states[sample])
        except BaseException as error:  # noqa: BLE001  (it is an outcome, or voids the stride)
            stride.note_exception(actor, sample, error)

    def join(self) -> None:
        """Wait for the stand-ins.

        :raises Failed: one does not end.
        """
        for name, thread in self._threads:
            thread.join(self._timeout)
            if thread.is_alive():
                raise Failed(hang({name: thread}, self._timeout))

    def _is_inside(self, actor: int) -> bool:
        begun = self.visited[actor]
        return bool(begun) and begun[-1] != self.stride.finished[actor][0]

    def _start(self, actor: int, sample: int) -> None:
        name = self._names[actor]
        thread = threading.Thread(target=self._work, args=(actor, sample), name=name, daemon=True)
        self._threads.append((name, thread))
        thread.start()

    def _work(self, actor: int, sample: int) -> None:
        with suppress(Halted):
            self.call(actor, sample)
