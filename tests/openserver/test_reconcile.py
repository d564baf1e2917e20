"""`manage.py reconcile`: what the superapp's list says otherwise (docs/openserver.md, "Reconciliation")."""

import datetime
import json
from urllib.parse import parse_qs

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from werkzeug import Request, Response

from console.models import AuditEntry
from openserver.signatures import read_superapp_headers, verify_superapp
from orders.models import Order
from tests.openserver.conftest import SECRET
from tests.openserver.standard import place, refund, tell, transaction
from tests.orders.archive import LONG_AGO, archive

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


class Bank:
    """The superapp's list, two transactions a page; `answer` replaces it."""

    def __init__(self) -> None:
        self.rows: list[dict] = []
        self.queries: list[dict] = []
        self.answer = None

    def __call__(self, request: Request) -> Response:
        query = parse_qs(request.query_string.decode())
        path = f"{request.path}?{request.query_string.decode()}"
        auth = read_superapp_headers(request.headers)
        verify_superapp(auth, secret_key=SECRET, method="GET", path_and_query=path, body=b"", now=auth.timestamp)
        self.queries.append(query)
        if self.answer is not None:
            return self.answer
        start = int(query.get("cursor", ["0"])[0])
        page = {"transactions": self.rows[start : start + 2], "next": str(start + 2) if start + 2 < len(self.rows) else ""}
        return Response(json.dumps({"returnCode": "0", "data": page}))


@pytest.fixture
def bank(seller, httpserver):
    bank = Bank()
    httpserver.expect_request("/backend/transactions", method="GET").respond_with_handler(bank)
    return bank


def row(shop, number, **changes) -> dict:
    fields = {"appId": shop.program.app_id, "env": 0, "outTradeNo": number, "state": "WAIT_PAY", "totalAmount": 990}
    return fields | {"currencyType": "USD", "refundedAmount": 0} | changes


@pytest.fixture
def five(seller, bank):
    """Four virtual orders and a standard one that both sides know alike."""
    for number in ("V-1", "V-2", "V-3", "V-4"):
        seller.place(data=seller.sign_data(outTradeNo=number))
    seller.notify_paid("V-2")
    place(seller)
    tell(seller, transaction(seller))
    tell(seller, refund(seller, amount=1000))
    bank.rows = [row(seller, "V-1"), row(seller, "V-2", state="SUCCESS"), row(seller, "V-3"), row(seller, "V-4")]
    bank.rows += [row(seller, "S-1", state="SUCCESS", totalAmount=2500, refundedAmount=1000)]
    return bank


def reconcile(shop, capsys, *options) -> tuple[int, str, str]:
    """The exit code, the table, and the last sentence."""
    today = timezone.now().date().isoformat()
    try:
        call_command("reconcile", shop.superapp.code, *(options or ("--from", today)))
    except CommandError as error:
        return error.returncode, capsys.readouterr().out, str(error)
    out = capsys.readouterr().out
    return 0, out, out.splitlines()[-1]


def test_no_differences(seller, five, capsys):
    code, _table, sentence = reconcile(seller, capsys)
    assert (code, sentence.startswith("No differences with Orbit")) == (0, True)
    assert [query.get("cursor") for query in five.queries] == [None, ["2"], ["4"]]


def test_the_list_is_asked_for_with_a_margin(seller, five, capsys):
    reconcile(seller, capsys, "--from", "2026-11-20", "--to", "2026-11-20T12:00:00Z")
    assert five.queries[0]["from"] == ["2026-11-19T23:50:00+00:00"]
    assert five.queries[0]["to"] == ["2026-11-20T12:10:00+00:00"]


CHANGES = {
    "amount": (1, {"totalAmount": 991}, "V-2"),
    "currency": (1, {"currencyType": "JPY"}, "V-2"),
    "paid there, not here": (0, {"state": "SUCCESS"}, "V-1"),
    "paid here, not there": (1, {"state": "WAIT_PAY"}, "V-2"),
    "closed there": (2, {"state": "CLOSED"}, "V-3"),
    "refunds": (4, {"refundedAmount": 999}, "S-1"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_each_difference_is_a_line(seller, five, capsys, name):
    place, changes, number = CHANGES[name]
    five.rows[place] |= changes
    code, table, sentence = reconcile(seller, capsys)
    lines = table.splitlines()
    assert (code, len(lines), lines[0].split()[0]) == (1, 2, "what")
    assert number in lines[1]
    assert sentence.startswith("1 differences with Orbit")


def test_what_one_side_does_not_know(seller, five, capsys):
    del five.rows[0]
    five.rows.append(row(seller, "X-9", state="SUCCESS"))
    five.rows.append(row(seller, "V-2", appId="mp-another", state="SUCCESS"))
    five.rows.append(row(seller, "V-2", env=1, state="SUCCESS"))
    code, table, _sentence = reconcile(seller, capsys)
    found = sorted((line.split()[0], line.split()[3]) for line in table.splitlines()[1:])
    assert code == 1
    assert found == [("missing_here", "V-2"), ("missing_here", "V-2"), ("missing_here", "X-9"), ("missing_there", "V-1")]


def test_an_archived_order_is_not_missed(seller, five, capsys, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    Order.objects.filter(out_trade_no="V-1").update(created_at=LONG_AGO, prepay_lease_until=None)
    assert [made.orders for made in archive()] == [1]
    assert reconcile(seller, capsys)[0] == 0
    five.rows[0]["appId"] = "mp-another"
    assert reconcile(seller, capsys)[0] == 1


def test_an_order_that_may_never_have_reached_the_superapp_is_not_missed(seller, five, capsys):
    Order.objects.filter(out_trade_no="V-1").update(payment_state="created", prepay_id="")
    del five.rows[0]
    assert reconcile(seller, capsys)[0] == 0


def test_orders_of_another_time_are_not_missed_but_found(seller, five, capsys):
    Order.objects.filter(out_trade_no="V-1").update(created_at=timezone.now() - datetime.timedelta(days=3))
    assert reconcile(seller, capsys)[0] == 0
    del five.rows[0]
    assert reconcile(seller, capsys)[0] == 0


def test_orders_of_another_superapp_are_not_ours(seller, five, capsys):
    five.rows = []
    code, table, _sentence = reconcile(seller, capsys)
    assert (code, table.count("missing_there")) == (1, 5)


def test_nothing_is_changed_unless_asked(seller, five, capsys):
    five.rows[0] |= {"state": "SUCCESS"}
    before = AuditEntry.objects.count()
    reconcile(seller, capsys)
    assert (Order.objects.exclude(alert="").count(), AuditEntry.objects.count()) == (0, before)
    today = timezone.now().date().isoformat()
    for _time in range(2):  # again changes nothing
        reconcile(seller, capsys, "--from", today, "--alert")
    marked = Order.objects.get(alert="differs_from_superapp")
    assert (marked.out_trade_no, marked.payment_state) == ("V-1", "unpaid")
    entry = AuditEntry.objects.get(verb="orders.order.alert")
    assert "here WAIT_PAY, there SUCCESS" in entry.note


FAULTS = {
    "status": Response("", status=500),
    "no JSON": Response("<html>"),
    "refusal": Response('{"returnCode": "7"}'),
    "no list": Response('{"returnCode": "0", "data": {}}'),
    "data a list": Response('{"returnCode": "0", "data": []}'),
    "no object": Response('{"returnCode": "0", "data": {"transactions": [7]}}'),
    "a field missing": Response('{"returnCode": "0", "data": {"transactions": [{"appId": "a"}]}}'),
    "the same cursor for ever": Response('{"returnCode": "0", "data": {"transactions": [], "next": "1"}}'),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_list_that_cannot_be_had(seller, bank, capsys, fault):
    bank.answer = FAULTS[fault]
    code, _table, sentence = reconcile(seller, capsys)
    assert (code, sentence.startswith("The list could not be compared")) == (2, True)


def test_a_row_of_the_wrong_type(seller, bank, capsys):
    for changes in ({"totalAmount": "990"}, {"env": True}, {"state": "MAYBE"}, {"refundedAmount": None}):
        bank.rows = [row(seller, "V-1") | changes]
        assert reconcile(seller, capsys)[0] == 2


@pytest.mark.parametrize("options", [("--from", "soon"), ("--from", "2026-11-20", "--to", "2026-11-19")])
def test_times_that_cannot_be(seller, bank, capsys, options):
    assert reconcile(seller, capsys, *options)[0] == 2
    assert bank.queries == []


def test_an_unknown_superapp(capsys):
    with pytest.raises(CommandError, match="no superapp"):
        call_command("reconcile", "sa-nobody")
