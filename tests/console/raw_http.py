"""A raw HTTP receiver and the ways to talk to it: for tests of console.http."""

import asyncio
import socket
import ssl

import pytest

from console import loops
from console.http import Answer, Client, OutgoingRequest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


class Server:
    """A raw HTTP receiver: keeps what came, answers what the test says."""

    def __init__(self, reply, tls: ssl.SSLContext | None = None) -> None:
        self.reply, self.tls = reply, tls
        self.requests: list[bytes] = []

    async def __aenter__(self):
        self.stop = asyncio.Event()
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_error):
        self.stop.set()
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, reader, writer):
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            size = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
            self.requests.append(head + await reader.readexactly(size))
            if callable(self.reply):
                await self.reply(writer, self.stop)
            else:
                writer.write(self.reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@pytest.fixture(autouse=True)
def exceptions(settings):
    settings.LOCAL_DESTINATIONS = frozenset()
    return settings


@pytest.fixture
def talk(exceptions):
    """Send one request to a server that answers `reply`; return the answer and the server."""

    def run(reply, *, host="127.0.0.1", scheme="http", tls=None, path="/", allowed=True, addresses=("127.0.0.1",), **request):
        async def go():
            async with Server(reply, tls) as server:
                if allowed:
                    exceptions.LOCAL_DESTINATIONS = frozenset({f"{host}:{server.port}"})
                url = f"{scheme}://{host}:{server.port}{path}"
                async with Client(resolve=answers(*addresses)) as client:
                    return await client.send(OutgoingRequest(url=url, **request)), server

        return loops.run(go())

    return run


def answers(*addresses):
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


def send(url: str, *, resolve=None, **request) -> Answer:
    async def go():
        async with Client(resolve=resolve) as client:
            return await client.send(OutgoingRequest(url=url, **request))

    return loops.run(go())


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
