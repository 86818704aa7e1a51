"""What claims about servers run in a process of its own, which ends with threads that wait for ever."""

from __future__ import annotations

import socket
import socketserver
import threading
import time

#: Seconds to wait for what should happen at once; a machine may be very busy.
PATIENCE_S = 25.0
#: Seconds to wait at least for what should not happen, and how many times as long as it takes where it happens.
PAUSE_S, PATIENTLY = 0.1, 5


class Server(socketserver.BaseServer):
    """A server without requests.

    :param stops_itself: whether it calls ``shutdown()`` in the thread that runs ``serve_forever()``.
    """

    def __init__(self, stops_itself: bool) -> None:
        self.sockets = socket.socketpair()
        super().__init__(("", 0), socketserver.BaseRequestHandler)
        self.stops_itself = stops_itself
        self.serves, self.is_shut_down = threading.Event(), threading.Event()

    def fileno(self) -> int:
        return self.sockets[0].fileno()

    def service_actions(self) -> None:
        self.serves.set()
        if self.stops_itself:
            self.stop()

    def stop(self) -> None:
        """Shut down, and say so."""
        self.shutdown()
        self.is_shut_down.set()

    def start(self) -> None:
        """Serve in another thread."""
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


def shutdowns() -> tuple[bool, bool]:
    """Return whether ``shutdown()`` returns in another thread than the server's, and in its own."""
    server = Server(False)
    server.start()
    server.serves.wait(PATIENCE_S)
    begin = time.perf_counter()
    threading.Thread(target=server.stop, daemon=True).start()
    from_another = server.is_shut_down.wait(PATIENCE_S)
    seconds = time.perf_counter() - begin
    server = Server(True)
    server.start()
    server.serves.wait(PATIENCE_S)
    return from_another, server.is_shut_down.wait(max(PAUSE_S, PATIENTLY * seconds))
