"""Every row of the matrix, by real addresses: whoever has the mark may, everybody else of the same place may not.

tests/test_every_url.py asks for every route; here every row is named, and a row without a page that proves it fails.
"""

import pytest
from django.test import Client

from console.matrix import COLUMNS, MATRIX, PLATFORM, SIGNED_IN, SUPERAPP, TEAM
from tests.test_every_url import (
    OURS,
    PLATFORM_PEOPLE,
    SUPERAPP_PEOPLE,
    TEAM_PEOPLE,
    container_of,
    url_of,
    world,  # noqa: F401  (a fixture)
)

PERSON = {role: name for people in (TEAM_PEOPLE, SUPERAPP_PEOPLE, PLATFORM_PEOPLE) for name, role in people.items()}
#: A stand-in for pages whose object the world does not have.
WITHOUT_OBJECT = {"items:image", "job-file"}
#: Rows that open a part of a page which everybody with that part may open too.
PARTS = {"payments.view_exemption": "payments:delivery"}


def proofs(row) -> list[str]:
    """The routes that ask for this permission in this container, the plain ones first."""
    if row.permission in PARTS:
        return [PARTS[row.permission]]
    found = [
        route
        for route, (_path, view) in OURS.items()
        if view.view_class.permission == row.permission and container_of(route) == row.container and route not in WITHOUT_OBJECT
    ]
    return sorted(found, key=lambda route: (not hasattr(OURS[route][1].view_class, "get"), OURS[route][0].count("<"), route))


def name(row) -> str:
    return f"{row.container}-{row.permission}"


@pytest.mark.parametrize("row", MATRIX, ids=name)
def test_a_page_proves_the_row(row):
    assert row.permission != SIGNED_IN
    assert proofs(row), f"No route asks for {row.permission} on a {row.container}."
    assert len(row.cells) == len(COLUMNS[row.container])


@pytest.mark.parametrize("container", [TEAM, SUPERAPP, PLATFORM])
def test_the_marks_are_what_people_may(container, world, everyone, django_capture_on_commit_callbacks):  # noqa: F811
    wrong, clients = [], {}
    for role in COLUMNS[container]:
        clients[role] = Client(raise_request_exception=False)
        clients[role].force_login(getattr(everyone, PERSON[role]))
    for row in (row for row in MATRIX if row.container == container):
        route = proofs(row)[0]
        method = "get" if hasattr(OURS[route][1].view_class, "get") else "post"
        for role in COLUMNS[container]:
            status = getattr(clients[role], method)(url_of(route, world, everyone.stranger)).status_code
            if (status == 403) is (role in row.roles) or status in {404, 500}:
                wrong.append(f"{name(row)}: {role} got {status} of {route}")
    assert not wrong, "\n".join(wrong)
