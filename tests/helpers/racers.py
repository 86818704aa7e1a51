"""Races for claims: their actors, the claim that runs after another one, and checks of failed races."""

from __future__ import annotations

from typing import Any

from .claims_project import Run

#: Actors for claims; ``increment`` sleeps between reading and writing, so that actors overlap.
RACERS = """
import os, signal, threading, time

class Counter:
    def __init__(self):
        self.value = 0
        self.lock = threading.Lock()

def increment(counter):
    value = counter.value
    time.sleep(1e-4)
    counter.value = value + 1

def increment_locked(counter):
    with counter.lock:
        increment(counter)

def read(counter):
    return counter.value

def nothing(state):
    pass

def fall(state):
    signal.raise_signal(signal.SIGSEGV)

def explode(state):
    raise LookupError("no such account")

def exit_at_once(state):
    os._exit(0)

def hang(state):
    while True:
        time.sleep(0.01)

def wait_for_nothing(state):
    threading.Event().wait()

def unlocked(lab):
    return lab.race(Counter, increment, increment, observe=read)

def locked(lab, control=(increment, increment)):
    return lab.race(Counter, increment_locked, increment_locked, observe=read, control=control)
"""
#: A claim that runs after the one that is tested, and must not be affected by it.
NEXT = """
@pytest.mark.claim("The next one races as well")
def test_next(lab):
    race = unlocked(lab)
    assert race.ever(1)
"""


def race_of(run: Run, claim: str) -> dict[str, Any]:
    """Return the evidence of a claim's only race."""
    (race,) = run.evidence(claim, "race")
    return race


def check_crash(run: Run, claim: str) -> None:
    """Check that the claim's reason and evidence name the function that crashed."""
    assert "the process was ended by SIGSEGV while the race ran (nothing, fall; " in run.claims[claim]["reason"]
    failure = race_of(run, claim)["failure"]
    assert failure["kind"] == "crash"
    assert "in fall" in failure["details"]


def check_hang(run: Run, claim: str) -> None:
    """Check that the claim's reason and evidence name the function that hung."""
    assert "actor hang did not return within 0.5 s" in run.claims[claim]["reason"]
    assert "in hang" in race_of(run, claim)["failure"]["details"]
