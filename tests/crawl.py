"""The console as somebody finds it who follows every link: which routes they reach, and what each page answers."""

import html
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

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
