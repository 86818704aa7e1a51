"""Documentation, page "socketserver"."""

from __future__ import annotations

import pytest

from pytest_concclaims import Lab

from . import servers


@pytest.mark.claim(
    "shutdown() waits for ever if the thread calls it that runs serve_forever()",
    source="docs: socketserver, BaseServer.shutdown",
)
def test_shutdown_in_the_servers_own_thread_waits_for_ever(lab: Lab) -> None:
    child = lab.child(servers.shutdowns)
    lab.require(not child.timed_out, "the server starts")
    from_another, from_its_own = child.value
    lab.require(from_another, "from another thread, it returns")
    lab.note(f"in the thread of serve_forever(), it {'returned' if from_its_own else 'did not return'}")
    assert not from_its_own
