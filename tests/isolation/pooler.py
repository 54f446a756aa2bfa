"""A transaction-mode pooler of a hundred lines, for machines without pgbouncer: two server connections for any number of clients.

    python -m tests.isolation.pooler PORT HOST SERVER_PORT DATABASE USER      (the password on standard input)

Each transaction gets whichever server connection is free, and gives it back when the server says that it is idle. Only simple
queries pass, which is all that psycopg2 sends; nothing is reset in between, so what outlives a transaction does leak.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import queue
import socket
import struct
import sys
import threading

SERVERS = 2
SSL, GSS = 80877103, 80877104


def exactly(line: socket.socket, n: int) -> bytes:
    found = b""
    while len(found) < n:
        more = line.recv(n - len(found))
        if not more:
            raise ConnectionError
        found += more
    return found


def message(line: socket.socket) -> tuple[bytes, bytes]:
    """Kind and body of the next message."""
    head = exactly(line, 5)
    return head[:1], exactly(line, struct.unpack("!i", head[1:])[0] - 4)


def packed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


class Server:
    """One connection to PostgreSQL, signed in by SCRAM-SHA-256; ``told`` is what it said of its settings."""

    def __init__(self, host: str, port: int, database: str, user: str, password: str) -> None:
        if host.startswith("/"):
            self.line = socket.socket(socket.AF_UNIX)
            self.line.connect(f"{host}/.s.PGSQL.{port}")
        else:
            self.line = socket.create_connection((host, port))
        words = b"".join(f"{name}\0{value}\0".encode() for name, value in (("user", user), ("database", database))) + b"\0"
        self.line.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        nonce, self.told, first = base64.b64encode(os.urandom(18)).decode(), b"", ""
        while True:
            kind, body = message(self.line)
            if kind == b"E":
                raise RuntimeError(body.decode(errors="replace"))
            if kind == b"S":
                self.told += packed(kind, body)
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            step = struct.unpack("!i", body[:4])[0]
            if step == 10:
                hello = f"n=,r={nonce}"
                said = f"n,,{hello}".encode()
                self.line.sendall(packed(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(said)) + said))
            if step == 11:
                first = body[4:].decode()
                asked = dict(part.split("=", 1) for part in first.split(","))
                salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(asked["s"]), int(asked["i"]))
                key = hmac.digest(salted, b"Client Key", "sha256")
                last = f"c=biws,r={asked['r']}"
                signed = hmac.digest(hashlib.sha256(key).digest(), f"{hello},{first},{last}".encode(), "sha256")
                proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signed, strict=True))).decode()
                self.line.sendall(packed(b"p", f"{last},p={proof}".encode()))

    def ask(self, query: bytes, client: socket.socket | None) -> bool:
        """Pass one message on and its whole answer back; whether a transaction is open afterwards."""
        self.line.sendall(query)
        answer = b""
        while True:
            kind, body = message(self.line)
            answer += packed(kind, body)
            if kind == b"Z":
                if client:
                    client.sendall(answer)
                return body != b"I"


def serve(client: socket.socket, servers: queue.Queue) -> None:
    """One client until it leaves; the server connection is its own only while a transaction is open."""
    while struct.unpack("!i", exactly(client, struct.unpack("!i", exactly(client, 4))[0] - 4)[:4])[0] in (SSL, GSS):
        client.sendall(b"N")
    any_server = servers.get()
    servers.put(any_server)
    client.sendall(packed(b"R", struct.pack("!i", 0)) + any_server.told + packed(b"K", bytes(8)) + packed(b"Z", b"I"))
    mine = None
    try:
        while True:
            kind, body = message(client)
            if kind == b"X":
                return
            mine = mine or servers.get()
            if not mine.ask(packed(kind, body), client):
                servers.put(mine)
                mine = None
    finally:
        if mine:
            mine.ask(packed(b"Q", b"ROLLBACK\0"), None)
            servers.put(mine)
        client.close()


def one(client: socket.socket, servers: queue.Queue) -> None:
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with contextlib.suppress(ConnectionError):
        serve(client, servers)


def main() -> None:
    port, host, server_port, database, user = sys.argv[1:]
    password, servers = sys.stdin.readline().rstrip("\n"), queue.Queue()
    for _each in range(SERVERS):
        servers.put(Server(host, int(server_port), database, user, password))
    with socket.create_server(("127.0.0.1", int(port)), backlog=64) as door:
        while True:
            client, _address = door.accept()
            threading.Thread(target=one, args=(client, servers), daemon=True).start()


if __name__ == "__main__":
    main()
