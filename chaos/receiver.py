"""The developers' backend: checks every push, fails some on purpose in every way it can, and gives each order's goods once.

What it does with a push depends only on the seed, the order number and how many pushes of it came before.
"""

import asyncio
import base64
import hmac
import json
import random
import socket
import struct

from chaos.callers import PRICE, hmac_hex
from chaos.ledgers import Ledgers, Program

ACKNOWLEDGED, THEN_RESET = "acknowledged", "acknowledged, then RST"
FAULTS = ("500", "RST", "wrong body", "refused", "redirect", "hang", "slow headers", THEN_RESET)
ACKNOWLEDGEMENT = b'{"returnCode": "0", "returnMessage": "ok"}'
SLOW = 0.5  # seconds between two bytes of slow headers


def response(status: str, body: bytes = b"", *more: str) -> bytes:
    """An HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", "Connection: close", *more]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Receiver:
    """One server for all mini programs; `/trap` is where its redirects lead, and nobody may come there."""

    def __init__(self, seed: int, failing: float, ledgers: Ledgers) -> None:
        self.seed, self.failing, self.ledgers = seed, failing, ledgers
        self.programs: dict[str, Program] = {}

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One push over one connection."""
        try:
            await self._handle(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # a killed dispatcher closes its connections
        finally:
            writer.close()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        program = self.programs.get(request.split(" ")[1])
        if program is None:
            self.ledgers.wrong.append(f"the receiver was asked for {request}")
            return
        number, amount = self._read(program, headers, body)
        what = self._choose(number)
        self.ledgers.pushes[number].append(what)
        if what in (ACKNOWLEDGED, THEN_RESET):
            self.ledgers.delivered[number] = amount
        await self._answer(what, reader, writer)

    def _read(self, program: Program, headers: dict[str, str], body: bytes) -> tuple[str, int]:
        """The order's number and amount; both signatures are checked."""
        said = json.loads(body)
        paid = json.loads(said["Payload"])
        number = paid["OutTradeNo"]
        key = base64.b64decode(program.app_key)
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
        if headers["webhook-signature"] != expected or said["PayEventSig"] != hmac_hex(
            program.app_key, f"{said['Event']}&{said['Payload']}"
        ):
            self.ledgers.wrong.append(f"the push of {number} has a wrong signature")
        self.ledgers.webhook_ids[number].add(headers["webhook-id"])
        return number, paid["GoodsInfo"]["Quantity"] * PRICE

    def _choose(self, number: str) -> str:
        chance = random.Random(f"{self.seed}:{number}:{len(self.ledgers.pushes[number])}")
        return chance.choice(FAULTS) if chance.random() < self.failing else ACKNOWLEDGED

    async def _answer(self, what: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if what == "hang":
            await reader.read()  # until the caller goes
        elif what == "slow headers":
            await _slowly(writer)
        elif what == "RST":
            _reset(writer)
        else:
            answers = {
                "500": response("500 Internal Server Error", ACKNOWLEDGEMENT),
                "wrong body": response("200 OK", b"<html>0</html>"),
                "refused": response("200 OK", b'{"returnCode": "7"}'),
                "redirect": response("302 Found", ACKNOWLEDGEMENT, "Location: /trap"),
            }
            writer.write(answers.get(what, response("200 OK", ACKNOWLEDGEMENT)))
            await writer.drain()
            if what == THEN_RESET:
                _reset(writer)


async def _slowly(writer: asyncio.StreamWriter) -> None:
    """A byte now and then: each read of the caller succeeds, and it must give up all the same."""
    for byte in response("200 OK", ACKNOWLEDGEMENT):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(SLOW)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
