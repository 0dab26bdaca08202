"""A network that fails, in its own process: a proxy before a server, controlled by commands.

python failing_network.py HOST PORT

It prints its own port, then reads lines and answers each. `refuse` cuts every connection, until
`recover`, or for `refuse SECONDS`; `lose N` loses the answer to the Nth write from now, which the
server does, once; `lost` says how many were, `requests` how many requests there have been.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import suppress

_WRITES = (b"PUT ", b"POST ")
_REQUESTS = (*_WRITES, b"GET ", b"HEAD ", b"DELETE ")


class Network:
    """Pass on what clients and a server say."""

    def __init__(self, host: str, port: str) -> None:
        self._server = (host, int(port))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._refusing = False
        self._writes_left = 0
        self._losing: set[socket.socket] = set()
        self.lost = self.requests = 0

    def obey(self, command: str, *amount: str) -> None:
        """Do what a line says."""
        match command:
            case "refuse":
                self._refuse()
                if amount:
                    threading.Timer(float(amount[0]), self._recover).start()
            case "recover":
                self._recover()
            case "lose":
                self._writes_left = int(amount[0])

    def listen(self, listener: socket.socket) -> None:
        """Take connections, for ever."""
        while True:
            client, _ = listener.accept()
            with self._lock:
                if self._refusing:
                    _cut(client)
                    continue
                server = socket.create_connection(self._server)
                self._open += [client, server]
            for pump in (self._ask, self._answer):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _refuse(self) -> None:
        with self._lock:
            self._refusing = True
            for connection in self._open:
                _cut(connection)
            self._open.clear()

    def _recover(self) -> None:
        with self._lock:
            self._refusing = False

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := client.recv(1 << 16):
                self.requests += said.startswith(_REQUESTS)
                if said.startswith(_WRITES):
                    self._writes_left -= 1
                    if self._writes_left == 0:
                        self._losing.add(server)
                server.sendall(said)
        _cut(server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while said := server.recv(1 << 16):
                if server in self._losing:
                    self._losing.remove(server)
                    self.lost += 1
                    break
                client.sendall(said)
        _cut(client)


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    network = Network(*sys.argv[1:])
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=network.listen, args=(listener,), daemon=True).start()
    say(listener.getsockname()[1])
    for line in sys.stdin:
        network.obey(*line.split())
        say(network.requests if line.strip() == "requests" else network.lost)


if __name__ == "__main__":
    main()
