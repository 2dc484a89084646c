"""An SMTP client that sends exactly the bytes it is given, however wrong they are."""

import base64
import fcntl
import socket
import ssl
import struct
import termios
import time

LIMIT = 20.0


class Closed(ConnectionError):
    """The server has closed the connection."""


class Reply:
    """A whole reply: its code, its lines without the codes."""

    def __init__(self, code: int, lines: list[str]):
        self.code = code
        self.lines = lines

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def __repr__(self) -> str:
        return f"{self.code} {self.lines!r}"

    def __bool__(self) -> bool:
        return 200 <= self.code < 400


def plain_token(login: str, password: str) -> str:
    return base64.b64encode(f"\0{login}\0{password}".encode()).decode()


class Line:
    """One connection. `talk` sends a command line and reads the reply."""

    def __init__(self, address: tuple[str, int], tls: ssl.SSLContext | None = None, source=None):
        self.socket = socket.create_connection(address, LIMIT, source_address=source)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._kept = b""
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")

    # Bytes ---------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def send_piece(self, data: bytes) -> None:
        """Send, and wait until the peer's kernel has it, so that the next piece is a segment of its own."""
        self.socket.sendall(data)
        deadline = time.monotonic() + 0.2
        while time.monotonic() < deadline:
            waiting = struct.unpack("i", fcntl.ioctl(self.socket.fileno(), termios.TIOCOUTQ, b"\0" * 4))[0]
            if waiting == 0:
                return
            time.sleep(0)

    def line(self) -> bytes:
        while b"\n" not in self._kept:
            try:
                got = self.socket.recv(65536)
            except (ConnectionError, ssl.SSLError) as why:
                raise Closed(str(why)) from why
            if not got:
                raise Closed("end of stream")
            self._kept += got
        one, self._kept = self._kept.split(b"\n", 1)
        return one.rstrip(b"\r")

    def reply(self) -> Reply:
        lines = []
        while True:
            one = self.line()
            text = one.decode("utf-8", "replace")
            assert text[:3].isdigit(), f"not a reply: {one!r}"
            lines.append(text[4:])
            if text[3:4] != "-":
                return Reply(int(text[:3]), lines)

    def rest(self) -> bytes:
        """All that comes until the server closes; what was read before is included."""
        try:
            while got := self.socket.recv(65536):
                self._kept += got
        except (ConnectionError, ssl.SSLError):
            pass
        out, self._kept = self._kept, b""
        return out

    def is_closed(self) -> bool:
        """Whether the server closes now, without another reply."""
        try:
            return self.line() is None
        except Closed:
            return True

    def end_of_input(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    # Dialogue ------------------------------------------------------------------------------

    def talk(self, command: str | bytes) -> Reply:
        raw = command.encode() if isinstance(command, str) else command
        self.send(raw + b"\r\n")
        return self.reply()

    def ehlo(self, name: str = "client.test") -> dict[str, str]:
        """The capabilities as {KEYWORD: parameters}."""
        reply = self.talk(f"EHLO {name}")
        assert reply.code == 250, reply
        return {one.split(" ")[0].upper(): one.partition(" ")[2] for one in reply.lines[1:]}

    def starttls(self, context: ssl.SSLContext) -> None:
        reply = self.talk("STARTTLS")
        assert reply.code == 220, reply
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")

    def login(self, login: str, password: str) -> Reply:
        return self.talk("AUTH PLAIN " + plain_token(login, password))

    def envelope(self, sender: str, *recipients: str) -> None:
        reply = self.talk(f"MAIL FROM:<{sender}>")
        assert reply.code == 250, reply
        for one in recipients:
            reply = self.talk(f"RCPT TO:<{one}>")
            assert reply.code in (250, 251), reply

    def close(self) -> None:
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def trusting_nobody() -> ssl.SSLContext:
    """TLS without checking the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def trusting(authority) -> ssl.SSLContext:
    """TLS that accepts certificates of this authority alone."""
    return ssl.create_default_context(cafile=str(authority))


def opened(address, credential=None, tls=None) -> Line:
    """A connection past its greeting and EHLO, logged in if a credential is given."""
    line = Line(address, tls)
    greeting = line.reply()
    assert greeting.code == 220, greeting
    line.ehlo()
    if credential:
        reply = line.login(credential.login, credential.password)
        assert reply.code == 235, reply
    return line
