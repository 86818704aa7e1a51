"""The parts of a question's budget that its schedules get."""

#: For the race's schedules; where these are scenarios of operations; in fresh processes; and for the control's.
RACE_PART, SCENARIOS_PART, AFRESH_PART, CONTROL_PART = 0.5, 0.7, 0.3, 0.18
#: For those of the portable grade, of each side.
PORTABLE_PART = 0.02
#: Of these parts, what is taken where samples have to follow.
PART_BEFORE_SAMPLES = 0.6
