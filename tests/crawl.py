"""The console as somebody finds it who follows every link: which routes they reach, and what each page answers."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

from console.actions import export_schedule, team, team_role
from console.actions import invitation as invitations
from console.models import Job, MiniProgram, Notice, Superapp, User
from items.models import Import
from payments.models import owners_of

LINK = re.compile(r'\shref="([^"#]+)')
#: Links of these are not followed: signing out would end the walk, the style guide's links are samples.
CLOSED = {"account_logout", "demo-sign-in"}


class Visit(NamedTuple):
    """One page: the route's full name, the address with its query, the page it was linked from, and the answer."""

    route: str
    address: str
    found_on: str
    answer: Any


def visits(client: Client, *starts: str, most: int = 1) -> Iterator[Visit]:
    """Breadth first from `starts`; at most `most` addresses of a route, since what may be opened does not depend on the query."""
    queue, seen, asked = [(start, "") for start in starts], Counter[str](), set()
    while queue:
        address, found_on = queue.pop(0)
        route = route_of(address)
        if not route or route in CLOSED or address in asked or seen[route] >= most:
            continue
        asked.add(address)
        seen[route] += 1
        answer = client.get(address)
        yield Visit(route, address, found_on, answer)
        queue += [(link, address) for link in links_of(address, answer)]


def route_of(address: str) -> str:
    """The full name of the route, "" for none."""
    try:
        return resolve(urlsplit(address).path).view_name or ""
    except Resolver404:
        return ""


def links_of(address: str, answer: Any) -> list[str]:
    """Where the page leads inside the site: the target of a redirect, else its links."""
    if answer.status_code in (301, 302):
        found = [answer["Location"]]
    elif answer.get("Content-Type", "").startswith("text/html") and not answer.streaming:
        found = [html.unescape(link) for link in LINK.findall(answer.text)]
    else:
        return []
    parts = [urlsplit(urljoin(address, link)) for link in found]
    return [part._replace(fragment="").geturl() for part in parts if not part.scheme and not part.netloc]


def furnish() -> None:
    """Add to the demo what it has none of: invitations, a role of a team's own, scheduled exports, a view, a job, an import."""
    people = {user.email.partition("@")[0]: user for user in User.objects.all()}
    program, superapp = MiniProgram.objects.get(name="Moonlit Cards"), Superapp.objects.get()
    admin, boss = people["team-admin"], people["superapp-admin"]
    invitations.invite_user(email="new@demo.test", actor=people["superadmin"])
    invitations.invite(program.team, email="tester@demo.test", role="operator", actor=admin)
    invitations.invite(superapp, email="helper@demo.test", role="approver", actor=boss)
    team.create(superapp, name="Tail Games", linked_email="pay@tail.test", actor=people["superadmin"])
    team_role.create(program.team, name="Redeliverer", permissions=["orders.redeliver"], actor=admin)
    fields = {"query": "", "columns": ["number"], "file": "csv", "every": "day", "zone": "UTC"}
    export_schedule.create(program, "orders", name="Daily", recipients=[admin], actor=admin, **fields)
    export_schedule.create(superapp, "orders", name="Daily", recipients=[boss], actor=boss, **fields)
    for person in (admin, boss):
        Job.objects.create(kind="test", actor=person, title="Export of the order record")
    Notice.objects.create(user=admin, kind=Notice.Kind.DECISION, subject="Approved", url=f"/t/{program.team.code}/merchant/")
    Import.objects.create(
        **owners_of(program), started_by=admin, mode="add_only", file_name="items.xlsx", currency="USD", new=1,
        plan={"new": [[2, "coin", "Coin", 99, "", ""]]},
    )  # fmt: skip
