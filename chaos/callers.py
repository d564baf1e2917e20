"""The player who buys and the superapp that takes the money: they call openServer again until somebody answers.

They know the wire formats of docs/domain.md, section 5, and share no code with the console.
"""

import asyncio
import hashlib
import hmac
import json
import random
import secrets
import time
from collections.abc import Callable
from typing import Any, Self

import aiohttp
from aiohttp import web

from chaos.ledgers import Ledgers, Program

METHOD = "requestMidasPaymentGameItem"
EVENT = "minigame_game_pay_goods_deliver_notify"
PRICE = 990
LOST_PREPAY_ANSWERS = 0.02  # share of the superapp's answers that never arrive
TOLD_TWICE = 0.03  # share of the payments that the superapp tells once more although it was answered
SUPERAPP_CODE = "orbit"


def hmac_hex(key: str, text: str) -> str:
    """HMAC-SHA256 in lower-case hexadecimal."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


class Openserver:
    """Calls the web processes in turn, as a load balancer would, until one of them gives an answer that counts."""

    def __init__(self, ports: list[int], ledgers: Ledgers) -> None:
        self.ports, self.ledgers, self.turn = ports, ledgers, 0
        self.session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=60), connector=aiohttp.TCPConnector(limit=0), trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.session.close()

    async def until_up(self) -> None:
        """Wait until each web process answers for the first time."""
        for port in self.ports:
            while True:
                try:
                    async with self.session.get(f"http://127.0.0.1:{port}/openserver/v1/health"):
                        break
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.1)

    async def until_answered(self, path: str, make: Callable[[], tuple[bytes, dict[str, str]]]) -> dict[str, Any]:
        """Post what `make` makes, again after a fault of the connection and after 429 and 5xx; return the answer's body."""
        while True:
            body, headers = make()
            self.turn += 1
            port = self.ports[self.turn % len(self.ports)]
            headers = {"Content-Type": "application/json", **headers}
            try:
                async with self.session.post(f"http://127.0.0.1:{port}{path}", data=body, headers=headers) as answer:
                    content = await answer.json(content_type=None)
                    if answer.status < 500 and answer.status != 429:
                        return content
                    self.ledgers.retried[f"{answer.status} {content.get('returnCode')}"] += 1
            except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
                self.ledgers.retried["no answer" if isinstance(error, OSError) else type(error).__name__] += 1
            await asyncio.sleep(0.2)


class Superapp:
    """The stand-in superapp: one prepay id for each number, however often it is asked; tells payments until they are taken."""

    def __init__(self, seed: int, secret: str, openserver: Openserver, ledgers: Ledgers) -> None:
        self.chance, self.secret, self.openserver, self.ledgers = random.Random(f"{seed}:superapp"), secret, openserver, ledgers

    async def prepay(self, request: web.Request) -> web.Response:
        """create-prepay-order. A lost answer was noted like any other: the same id is given when it is asked again."""
        body = await request.read()
        if not self._signed(request, body):
            self.ledgers.wrong.append("a prepay request has no good signature")
        number = json.loads(body)["outTradeNo"]
        self.ledgers.asked[number] += 1
        prepay_id = self.ledgers.given.setdefault(number, f"pp-{secrets.token_hex(12)}")
        if self.chance.random() < LOST_PREPAY_ANSWERS and request.transport:
            request.transport.abort()
        return web.json_response({"returnCode": "0", "data": {"prepayId": prepay_id}})

    def _signed(self, request: web.Request, body: bytes) -> bool:
        headers = request.headers
        parts = (request.method, request.raw_path, headers["SAS-Timestamp"], headers["SAS-Nonce"], body.decode())
        return hmac.compare_digest(headers["SAS-Signature"], hmac_hex(self.secret, "".join(f"{part}\n" for part in parts)))

    async def pay(self, program: Program, number: str, quantity: int) -> None:
        """Take the money and tell openServer until it says "0"; now and then once more."""
        amount = quantity * PRICE
        goods = {"ProductId": "gem", "Quantity": quantity, "ZoneId": "1", "OrigPrice": PRICE, "ActualPrice": PRICE}
        goods |= {"Attach": "", "OrderSource": 1}
        payload = json.dumps({"OpenId": program.open_id, "Env": 0, "OutTradeNo": number, "GoodsInfo": goods})
        signature = hmac_hex(program.app_key, f"{EVENT}&{payload}")
        body = {"EventType": "event", "Event": EVENT, "PayModel": "wallet", "Payload": payload, "PayEventSig": signature}
        for _time in range(2 if self.chance.random() < TOLD_TWICE else 1):
            answer = await self._tell(json.dumps(body))
            if answer.get("returnCode") != "0":
                self.ledgers.wrong.append(f"payment of {number}: {answer}")
                return
        self.ledgers.paid[number] = amount

    async def _tell(self, body: str) -> dict[str, Any]:
        path = "/openserver/v1/payment-notifications"

        def signed_now() -> tuple[bytes, dict[str, str]]:
            now, nonce = str(int(time.time())), secrets.token_hex(16)  # a nonce counts once, so each try has its own
            signature = hmac_hex(self.secret, f"POST\n{path}\n{now}\n{nonce}\n{body}\n")
            names = {"SAS-Superapp": SUPERAPP_CODE, "SAS-Timestamp": now, "SAS-Nonce": nonce, "SAS-Signature": signature}
            return body.encode(), names

        return await self.openserver.until_answered(path, signed_now)


class Players:
    """They buy, and repeat the identical signed request until it is answered."""

    def __init__(self, seed: int, programs: list[Program], superapp: Superapp, openserver: Openserver, ledgers: Ledgers) -> None:
        self.chance, self.programs, self.superapp = random.Random(f"{seed}:players"), programs, superapp
        self.openserver, self.ledgers, self.seed = openserver, ledgers, seed

    async def buy(self, count: int) -> None:
        """Place and pay one order."""
        program, quantity = self.programs[count % len(self.programs)], self.chance.randint(1, 5)
        number = f"S{self.seed}N{count}"
        data = {"mode": "goods", "buyQuantity": quantity, "env": 0, "currencyType": "USD", "productId": "gem"}
        text = json.dumps(data | {"goodsPrice": PRICE, "outTradeNo": number, "attach": ""})
        signed = {"token": program.token, "method": METHOD, "signData": text}
        signed["paySig"] = hmac_hex(program.app_key, f"{METHOD}&{text}")
        signed["signature"] = hmac_hex(program.session_key, text)
        body = json.dumps(signed).encode()
        answer = await self.openserver.until_answered("/openserver/v1/orders", lambda: (body, {}))
        if answer.get("returnCode") != "0":
            self.ledgers.wrong.append(f"order {number}: {answer}")
            return
        self.ledgers.prepay_ids[number], self.ledgers.amounts[number] = answer["data"]["prepayId"], quantity * PRICE
        await self.superapp.pay(program, number, quantity)
