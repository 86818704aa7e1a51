"""Whether the answers of ``lab.race`` are true, for small objects whose truth threads that run freely show.

    python benchmarks/truth.py brute 3                    # runs threads freely, 3 s for each object
    python benchmarks/truth.py race --runs 20             # asks lab.race, and compares
    python benchmarks/truth.py race --runs 20 --hogs 2    # beside two processes that burn CPU time
    python benchmarks/truth.py table                      # which object goes wrong on which interpreter

``brute`` adds what it saw on this interpreter to ``truth.json``; a wrong outcome that was seen once stays. An answer
is *wrong* if it is "never", and threads that ran freely have shown the outcome. It is *suspicious* if it is "ever",
with a witness, and they have not: they may miss a rare outcome. The exit status is 1 if an answer was wrong.

The objects are in ``small_objects.py``; those that go wrong inside C code are in ``c_objects.py``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from c_objects import OBJECTS_IN_C
from free_running import brute_force
from small_objects import OBJECTS, SmallObject
from soak import Condition, hogs_beside

from pytest_concclaims import Inconclusive, Lab, RaceError
from pytest_concclaims.interpreter import Interpreter

TRUTH = Path(__file__).with_name("truth.json")
BUDGET_S = 2.0

#: By interpreter's label and by object: the numbers of wrong outcomes and of samples.
Truth = dict[str, dict[str, tuple[int, int]]]


def load(path: Path) -> Truth:
    """Return what threads that run freely have shown so far."""
    if not path.exists():
        return {}
    stored: dict[str, dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    truth: Truth = {}
    for name, by_label in stored.items():
        for label, counts in by_label.items():
            wrong, _, samples = counts.partition(" of ")
            truth.setdefault(label, {})[name] = (int(wrong), int(samples))
    return truth


def save(truth: Truth, path: Path) -> None:
    """Store it, with one line for each object."""
    names = dict.fromkeys(name for by_name in truth.values() for name in by_name)
    lines = []
    for name in names:
        by_label = {label: "{} of {}".format(*truth[label][name]) for label in sorted(truth) if name in truth[label]}
        lines.append(f"{json.dumps(name)}: {json.dumps(by_label)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def brute(objects: Sequence[SmallObject], seconds: float, path: Path) -> None:
    """Run threads freely on each object, print the outcomes, and store them."""
    label = Interpreter.current().label
    print(f"{label} {sys.version.split()[0]}")
    for what in objects:
        found = brute_force(what, seconds)
        wrong = sum(sum(seen.wrong.values()) for seen in found.values())
        samples = sum(seen.samples for seen in found.values())
        parts = []
        for way, seen in found.items():
            kinds = ", ".join(f"{count} x {shown}" for shown, count in seen.wrong.most_common(3))
            first = "" if seen.first_s is None else f", first after {1000 * seen.first_s:.0f} ms"
            parts.append(f"{way}: {sum(seen.wrong.values())} of {seen.samples:,}{first}{f' ({kinds})' * bool(kinds)}")
        print(f"  {what.name:34} {'WRONG' if wrong else 'right':6} {'; '.join(parts)}", flush=True)
        truth = load(path)
        earlier = truth.setdefault(label, {}).get(what.name, (0, 0))
        truth[label][what.name] = (earlier[0] + wrong, earlier[1] + samples)
        save(truth, path)


# --- asking lab.race


@dataclass
class Answers:
    """The answers of ``lab.race`` about an object.

    :param texts: the evidence of answers that were wrong, suspicious, inconclusive or in error.
    """

    counts: Counter[str] = field(default_factory=Counter)
    milliseconds: list[float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def ask(what: SmallObject, question: str) -> tuple[str, str]:
    """Return ``ever``, ``never``, ``inconclusive`` or ``error``, and the evidence in words."""
    lab = Lab(budget=BUDGET_S)
    about: Any = what.is_wrong
    if what.deadlock:
        about = getattr(Lab, "DEADLOCK", None)
        if about is None:
            return "not there yet", "lab.DEADLOCK"
    race = lab.race(what.setup, *what.actors, observe=what.observe, control=what.control)
    try:
        held = bool(getattr(race, question)(about))
    except Inconclusive as reason:
        return "inconclusive", str(reason)
    except RaceError as error:
        return "error", str(error)
    return question if held else ("never" if question == "ever" else "ever"), lab.evidence[-1].phrase()


def judge(answer: str, truth: tuple[int, int] | None) -> str:
    """Return how an answer compares with what threads that run freely have shown."""
    if truth is None or answer not in ("ever", "never"):
        return answer
    wrong, _ = truth
    if answer == "never" and wrong:
        return "WRONG"
    if answer == "ever" and not wrong:
        return "suspicious"
    return answer


def race(objects: Sequence[SmallObject], runs: int, path: Path) -> int:
    """Ask about each object repeatedly, "never" and "ever" in turns; return the number of wrong answers."""
    label = Interpreter.current().label
    truth = load(path).get(label, {})
    print(f"{label} {sys.version.split()[0]}: {runs} runs of {len(objects)} objects")
    if not truth:
        print(f"  {path} has no outcomes of actors that ran freely on {label}; first run: truth.py brute 3")
    found = {what.name: Answers() for what in objects}
    for run in range(runs):
        for what in objects:
            begin = time.perf_counter()
            answer, text = ask(what, ("never", "ever")[run % 2])
            answers = found[what.name]
            answers.milliseconds.append(1000 * (time.perf_counter() - begin))
            judged = judge(answer, truth.get(what.name))
            answers.counts[judged] += 1
            if judged in ("WRONG", "suspicious", "error", "inconclusive") and len(answers.texts) < 2:
                answers.texts.append(f"{judged}: {text}")
    total: Counter[str] = Counter()
    for name, answers in found.items():
        total += answers.counts
        said = ", ".join(f"{count} {kind}" for kind, count in answers.counts.most_common())
        middle, longest = statistics.median(answers.milliseconds), max(answers.milliseconds)
        shown = "{} of {:,}".format(*truth[name]) if name in truth else "unknown"
        print(f"  {name:34} {shown:>20} wrong; {said}; median {middle:.1f} ms, longest {longest:.1f} ms")
        for text in dict.fromkeys(answers.texts):
            print(f"      {text}")
    every = [spent for answers in found.values() for spent in answers.milliseconds]
    said = ", ".join(f"{count} {kind}" for kind, count in total.most_common())
    print(f"all: {said}; median {statistics.median(every):.1f} ms, longest {max(every):.1f} ms a question")
    return total["WRONG"]


def table(path: Path) -> None:
    """Print which object goes wrong on which interpreter."""
    truth = load(path)
    labels = sorted(truth, key=lambda label: (label.split()[0], [int(part) for part in _version(label)], label))
    heads = [label.replace("CPython ", "").replace(", GIL off", "") for label in labels]
    print(f"{'':36}" + " ".join(f"{head:>8}" for head in heads))
    for name in dict.fromkeys(name for by_name in truth.values() for name in by_name):
        cells = []
        for label in labels:
            wrong, samples = truth[label].get(name, (0, 0))
            cells.append("wrong" if wrong else "-" if samples else "?")
        print(f"{name:36}" + " ".join(f"{cell:>8}" for cell in cells))


def _version(label: str) -> list[str]:
    return label.split()[1].partition(",")[0].rstrip("t").split(".")


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("brute", "race", "table"):
        command = commands.add_parser(name)
        command.add_argument("--truth", type=Path, default=TRUTH, help="the file (default: %(default)s)")
        if name == "table":
            continue
        command.add_argument("--only", metavar="TEXT", help="only objects with this text in their name")
        if name == "brute":
            command.add_argument("seconds", type=float, help="seconds for each object")
        else:
            command.add_argument("--runs", type=int, default=20, help="number of runs (default: %(default)s)")
            command.add_argument("--hogs", type=int, default=0, help="number of processes that burn CPU time")
    options = parser.parse_args()
    if options.command == "table":
        table(options.truth)
        return 0
    objects = [what for what in (*OBJECTS, *OBJECTS_IN_C) if options.only is None or options.only in what.name]
    if not objects:
        parser.error(f"--only {options.only}: no object's name has this text")
    if options.command == "brute":
        brute(objects, options.seconds, options.truth)
        return 0
    with hogs_beside(Condition("hogs", options.hogs), "") if options.hogs else nullcontext():
        return 1 if race(objects, options.runs, options.truth) else 0


if __name__ == "__main__":
    sys.exit(main())
