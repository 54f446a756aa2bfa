"""A mail server of the tests' own: it speaks SMTP over a real socket, keeps what it takes, and refuses when told to."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage


class MailServer(socketserver.ThreadingTCPServer):
    """``letters`` is what arrived, each with its envelope's receivers; with ``refusing`` set, that is what DATA is answered."""

    daemon_threads = True

    def __init__(self) -> None:
        self.letters: list[tuple[list[str], EmailMessage]] = []
        self.refusing = ""
        super().__init__(("127.0.0.1", 0), _Talk)


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.say("220 mail.test ESMTP")
        receivers: list[str] = []
        for raw in self.rfile:
            verb, _space, rest = raw.decode().strip().partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    self.say("250 mail.test")
                case "MAIL":
                    receivers = []
                    self.say("250 ok")
                case "RCPT":
                    receivers.append(rest.partition("<")[2].partition(">")[0])
                    self.say("250 ok")
                case "DATA" if self.server.refusing:
                    self.say(self.server.refusing)
                case "DATA":
                    self.say("354 go on")
                    self.server.letters.append((receivers, self.letter()))
                    self.say("250 taken")
                case "RSET":
                    self.say("250 ok")
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("502 not known")

    def letter(self) -> EmailMessage:
        lines = []
        for line in self.rfile:
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b"..") else line)
        found = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(found, EmailMessage)
        return found


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """The server at work on a port of its own, in a thread, until the block ends."""
    with MailServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
