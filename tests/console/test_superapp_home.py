"""The home page of a superapp."""

from django.urls import reverse


def opened(client, actor, orbit):
    client.force_login(actor)
    return client.get(reverse("superapp-home", kwargs={"superapp": orbit.code})).content.decode()


def test_its_admin_comes_to_the_orders_of_each_mini_program(client, superapp_admin, orbit, starfall):
    page = opened(client, superapp_admin, orbit)
    assert f'href="{reverse("orders:list", kwargs={"app_id": starfall.app_id})}"' in page


def test_its_approver_sees_no_mini_programs(client, approver, orbit, starfall):
    assert starfall.app_id not in opened(client, approver, orbit)
