"""The guarantees of EventBus, as claims."""

from __future__ import annotations

import pytest

import planted
from cachebox import EventBus
from pytest_concclaims import Lab


def ignore(event: str) -> None:
    pass


class Handlers:
    """A bus with two handlers: one that ignores events, and one that keeps them."""

    def __init__(self, bus: EventBus[str]) -> None:
        self.bus = bus
        self.events: list[str] = []
        bus.subscribe(ignore)
        bus.subscribe(self.events.append)

    def publish(self) -> None:
        self.bus.publish("event")

    def unsubscribe(self) -> None:
        self.bus.unsubscribe(ignore)

    def seen(self) -> tuple[str, ...]:
        return tuple(self.events)


@pytest.mark.claim("EventBus: a handler gets each event, also while another one is unsubscribed")
def test_a_handler_gets_each_event(lab: Lab) -> None:
    race = lab.race(lambda: Handlers(EventBus()), Handlers.publish, Handlers.unsubscribe, observe=Handlers.seen)
    assert race.atomic()


@pytest.mark.claim("Planted: EventBus: a handler gets each event, also while another one is unsubscribed")
@pytest.mark.refuted(True, reason="if a handler is removed from the list, the iteration over it skips the next one")
def test_planted_a_handler_gets_each_event(lab: Lab) -> None:
    race = lab.race(
        lambda: Handlers(planted.EventBus()), Handlers.publish, Handlers.unsubscribe, observe=Handlers.seen
    )
    assert race.atomic()
