"""The page of the order record, signed in: against an empty page and against an idiomatic ListView (bench/README.md)."""

from django.conf import settings
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from bench.database import record
from bench.measuring import Result, medians
from bench.usual_order_page import UsualOrderList
from console.actions.membership import set_team_role
from console.models import MiniProgram, User
from console.permissions import System
from orders.listings import order_listing
from orders.views.records import OrderList

ROUNDS = 9
TIMES = 5
COLUMNS = "columns=number,created,item,amount,payment,delivery,refund,env,quantity,prepay"


def measure(rows: int) -> list[Result]:
    """50 rows of 10 cells, of the mini program with the most orders, to somebody of its team."""
    owners = record(rows)
    settings.ALLOWED_HOSTS = ["*"]
    program = owners[0]
    url = reverse("orders:list", kwargs={"app_id": program.app_id})
    client = signed_in(program)
    listing = order_listing(program, QueryDict(""))
    depth = listing.matching.count() * 9 // 10
    after = listing._cursor(listing.ordered.values("id", "created_at")[depth])
    peer = f"{url}?usual=1&{COLUMNS}"
    return [
        compared(client, "first", f"{url}?{COLUMNS}", peer, least=3),
        compared(client, f"row {depth:,}", f"{url}?{COLUMNS}&after={after}", f"{peer}&page={depth // 50 + 1}", least=20),
    ]


def signed_in(program: MiniProgram) -> Client:
    """A browser of an operator of the team; the address of the list answers with the peer's page where `usual` is asked for."""
    user = User.objects.create_user("bench@example.test", name="Bench")
    set_team_role(user, program.team, "operator", actor=System("bench"))
    ours, usual = OrderList.get, UsualOrderList.get
    OrderList.get = lambda self, request, **names: (usual if "usual" in request.GET else ours)(self, request, **names)  # type: ignore[method-assign]
    client = Client()
    client.force_login(user)
    return client


def compared(client: Client, name: str, page: str, peer: str, *, least: int) -> Result:
    """The page, the empty one and the peer's, in turn."""
    times = medians(
        ROUNDS,
        ours=lambda: fetch(client, page),
        limit=lambda: fetch(client, reverse("job-list")),
        peer=lambda: fetch(client, peer),
    )
    times = {key: seconds / TIMES for key, seconds in times.items()}
    goal = f"≤ 4 × of an empty signed-in page; ≥ {least} × faster than ListView, Paginator and template"
    met = times["ours"] <= 4 * times["limit"] and times["peer"] >= least * times["ours"]
    return Result(name=f"order_page {name}", unit="s", goal=goal, met=met, **times)


def fetch(client: Client, url: str) -> None:
    """Ask for the page a few times. Raises RuntimeError for anything but 200."""
    for _time in range(TIMES):
        if client.get(url).status_code != 200:
            raise RuntimeError(url)
