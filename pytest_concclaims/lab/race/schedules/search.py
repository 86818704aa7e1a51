"""The search for an answer to a question among the schedules of a race."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from ....text import counted, listed
from ...failure import Failed
from ..conditions import Conditions
from ..controls import with_control
from ..experiment import RaceExperiment
from ..question import DEADLOCK, OutcomeQuestion, of_control
from .explorer import Explored, Explorer
from .once import ONCE
from .replay import Token, code_digest
from .run import preemption_count
from .searched import RACE_PART, Searched
from .side import EndedBySchedule, Side
from .story import Visit, story
from .switch_points import switches_anywhere
from .watch import WatchError

#: Parts of a question's budget, besides RACE_PART: for the race's schedules if these are of operations or of an
#: interruption; for schedules in fresh processes; for the control's schedules.
_SCENARIOS_PART, _AFRESH_PART, _CONTROL_PART = 0.7, 0.3, 0.18
#: For portable schedules, of each side.
_PORTABLE_PART = 0.02
#: The part of these parts that is used if samples follow.
_PART_BEFORE_SAMPLES = 0.6
#: The level that schedules in fresh processes have to reach if those in one process suffice otherwise.
_LEAST_AFRESH_LEVEL = 1
#: Schedules of the control, and portable ones, after which the search ends if the effect was seen.
_ENOUGH_OF_CONTROL, _ENOUGH_PORTABLE = 20, 100


class ScheduleSearch:
    """Runs the schedules of an experiment for one question after the other.

    :param replay: replay tokens. If one is of this race, only its schedule is run.
    """

    def __init__(self, given: RaceExperiment, conditions: Conditions, replay: Sequence[Token] = ()) -> None:
        self._given = given
        self._conditions = conditions
        #: The experiment with the control of the latest question.
        self.experiment = given
        self.replay = next((one for one in replay if one.code == code_digest(given.race)), None)

    def ask(self, question: OutcomeQuestion) -> Searched:
        """Run schedules for a question.

        :raises EndedBySchedule: a function of the race raised, hung, or ended the process.
        """
        self.experiment = self._given
        budget = self._conditions.budget
        if self.replay is not None:
            return self._replayed(self.replay, question)
        # If actors can run at the same time, samples follow and need time.
        whole = question.end is DEADLOCK or not self._given.race.is_parallel
        share = 1.0 if whole else _PART_BEFORE_SAMPLES
        race = Side(self._conditions, self._given.race, question, portable=self._conditions.portable)
        try:
            searched = self._of_race(race, share * budget)
        except WatchError as error:
            return Searched(self._conditions.portable, Explored(doubt=str(error)))
        if searched.witness is not None or searched.race.unordered is not None:
            return searched
        has_grades = not (self._conditions.portable or switches_anywhere(not self._given.race.is_parallel))
        if not self._given.race.interrupted:
            searched = self._beside_control(searched, question, share * budget, has_grades=has_grades)
        if searched.lacking() is None and has_grades:
            searched = self._with_portable_grade(searched, question)
        return searched

    def _beside_control(
        self, searched: Searched, question: OutcomeQuestion, budget: float, *, has_grades: bool
    ) -> Searched:
        """Add what the control's schedules show."""
        self.experiment = with_control(self._given, question, self._conditions)
        explored, useless = self._of_first_control(question, _CONTROL_PART * budget)
        if useless is not None and self._is_control_made:
            remark = f"the race without {listed(self.experiment.removed_locks)} {useless}"
            searched = replace(searched, remarks=(*searched.remarks, remark))
            self.experiment = self._given  # with a generic control
            explored = self._of_control(question, _CONTROL_PART * budget)
        searched = replace(searched, control=explored)
        if not explored.seen and has_grades:
            side = self._control(question, portable=True)
            searched = replace(searched, control_anywhere=self._anywhere(side))
        return searched

    @property
    def _is_control_made(self) -> bool:
        """Return whether the control was made from the race without being asked for."""
        return self.experiment.matched and not self._given.matched

    def _of_first_control(self, question: OutcomeQuestion, seconds: float) -> tuple[Explored, str | None]:
        """Return what the control's schedules show, and why the control is useless; None if it is useful."""
        try:
            explored = self._of_control(question, seconds)
        except EndedBySchedule as ended:
            if not self._is_control_made:
                raise
            return Explored(), f"could not be run: {ended.failure.text}"
        if not explored.seen:
            return explored, f"does not show the effect either, in {counted(explored.run, 'schedule')}"
        return explored, "shows the effect even if actors run one after the other" if explored.no_race else None

    def _control(self, question: OutcomeQuestion, *, portable: bool) -> Side:
        sought = of_control(question, matched=self.experiment.matched)
        return Side(self._conditions, self.experiment.control, sought, portable=portable)

    def _of_control(self, question: OutcomeQuestion, seconds: float) -> Explored:
        """Return what the control's schedules show."""
        control = self._control(question, portable=self._conditions.portable)
        return _beside_the_verdict(control, seconds, _ENOUGH_OF_CONTROL)

    def _of_race(self, race: Side, budget: float) -> Searched:
        """Return what the race's schedules show. A witness counts if another process repeats it, or it is sound."""
        part = _SCENARIOS_PART if race.subject.operations or race.subject.interrupted else RACE_PART
        explored = race.explored(part * budget)
        if explored.witness is not None:
            repeated = race.with_story(explored.witness)
            if repeated is not None or explored.witness.is_sound:
                explored.witness = repeated or explored.witness
                return Searched(self._conditions.portable, explored)
            explored = replace(explored, witness=None, seen=0, once=ONCE, leaks=True)
        if explored.once:
            afresh = race.explored_afresh(_AFRESH_PART * budget) if race.may_be_afresh else None
            explored = with_fresh_processes(explored, afresh)
            if explored.witness is not None:
                explored.witness = race.with_story(explored.witness) or explored.witness
        return Searched(self._conditions.portable, explored)

    def _replayed(self, replay: Token, question: OutcomeQuestion) -> Searched:
        """Run one schedule in this process and without a timeout, so that a debugger can be used."""
        race = Side(self._conditions, self._given.race, question, portable=replay.portable)
        side = race.in_scenario(replay.scenario)
        written: list[Visit] = []
        with side.runs(math.inf) as runs:
            explorer = Explorer(lambda schedule: runs.run(schedule, written.append))
            explored = explorer.one(replay.schedule)
            explored.in_order = runs.in_order
            if explored.witness is not None:
                explored.witness = replace(
                    explored.witness,
                    preemptions=preemption_count(replay.schedule),
                    scenario=replay.scenario,
                    steps=tuple(story(written)),
                    results=runs.results,
                )
        return Searched(replay.portable, explored, replayed=True)

    def _with_portable_grade(self, searched: Searched, question: OutcomeQuestion) -> Searched:
        race = Side(self._conditions, self._given.race, question, portable=True)
        try:
            anywhere = self._anywhere(race)
        except Failed as failed:
            return replace(searched, remarks=(*searched.remarks, f"without a GIL: {failed.failure.text}"))
        return replace(searched, anywhere=anywhere)

    def _anywhere(self, side: Side) -> Explored:
        """Return what portable schedules show."""
        return _beside_the_verdict(side, _PORTABLE_PART * self._conditions.budget, _ENOUGH_PORTABLE)


def _beside_the_verdict(side: Side, seconds: float, stop_after: int) -> Explored:
    """Return what schedules show that no "never" rests on alone: each has its own process if that can help."""
    explored = side.explored(seconds, stop_after=stop_after, finds_once=side.may_be_afresh)
    is_doubtful = explored.once or explored.leaks
    return side.explored_afresh(seconds) if is_doubtful and side.may_be_afresh else explored


def with_fresh_processes(explored: Explored, afresh: Explored | None) -> Explored:
    """Combine the schedules of actors that do something only once in a process.

    :param explored: schedules that were run in one process.
    :param afresh: schedules that had a process each; None if there were none.
    """
    doubt = explored.doubt or (
        f"{explored.once}; let setup undo it, such as a cache that is filled or a global that is changed"
    )
    if afresh is None:
        return replace(explored, doubt=doubt)
    remark = f"{explored.once}, so {counted(afresh.run, 'schedule')} had a process each"
    both = explored.is_enough and not explored.leaks and (afresh.preemptions or 0) >= _LEAST_AFRESH_LEVEL
    # What one process has shown may not be the effect of a race.
    is_afresh = explored.leaks or afresh.witness is not None or afresh.exhausted
    return replace(
        afresh if is_afresh else explored,
        outcomes=afresh.outcomes if is_afresh else explored.outcomes + afresh.outcomes,
        once=explored.once,
        leaks=explored.leaks,
        doubt=explored.doubt if both or afresh.is_enough else doubt,
        seconds=explored.seconds + afresh.seconds,
        remarks=(*explored.remarks, remark),
    )
