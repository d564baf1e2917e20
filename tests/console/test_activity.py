"""Activity: who did what, in a mini program, a team and a superapp."""

import re
from pathlib import Path

import pytest
from django.apps import apps as django_apps
from django.urls import reverse
from django.utils import translation

from console.activity import changes_text, object_key
from console.audit import Origin, origin, record
from console.lifecycle import moves
from console.permissions import System
from console.subjects import KINDS, subject_of
from console.verbs import WORDS
from payments.actions import merchant_account
from payments.models import PaymentRequest

pytestmark = pytest.mark.sqlite
ROOT = Path(__file__).resolve().parent.parent.parent
#: Verbs that only the system writes: orders and deliveries have pages of their own for them.
SYSTEM_ONLY = re.compile(r"orders\.(order|refund|delivery)\.(?!redeliver)|items\.release\.finish_|console\.job\.(?!cancel)")


@pytest.fixture
def entries(starfall, northlight, orbit, team_admin, superapp_admin):
    token = origin.set(Origin("req-77", "203.0.113.9"))
    record("payments.delivery.configure", starfall, actor=team_admin, changes={"url": ["", "https://a.example"]}, note="Moved.")
    record("console.team_membership.set", northlight, actor=team_admin, changes={"role": [None, "developer"]})
    record("payments.superapp.add_currency", orbit, actor=superapp_admin, changes={"currencies": [["USD"], ["USD", "EUR"]]})
    record("orders.order.place", northlight, actor=System("openServer"))
    origin.reset(token)


def url(name, **place):
    return reverse(f"{name}-activity", kwargs=place)


def test_team_admin_reads_what_people_did(client, entries, northlight, team_admin):
    client.force_login(team_admin)
    page = client.get(url("team", team=northlight.code)).content.decode()
    assert "Tara Admin" in page
    assert "set the team role of" in page
    assert "Role: – → Developer" in page
    assert "203.0.113.9" in page
    assert "req-77" in page
    assert "openServer" not in page


def test_before_after_and_note_stand_in_the_row(client, entries, orbit, superapp_admin):
    client.force_login(superapp_admin)
    page = client.get(url("superapp", superapp=orbit.code)).content.decode()
    assert "currencies: USD → USD, EUR" in page
    assert "URL: – → https://a.example · Moved." in page


def test_what_was_empty_and_stays_empty_is_left_out():
    """Somebody may be invited without a role."""
    changes = {"role": [None, ""], "name": [None, "Olga"]}
    assert changes_text("console.user", changes, "Welcome.") == "Name: – → Olga · Welcome."


def test_what_the_system_did_is_shown_when_asked(client, entries, northlight, team_admin):
    client.force_login(team_admin)
    assert "openServer" in client.get(url("team", team=northlight.code), {"who": "all"}).content.decode()


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"person": "tara"}, 2),
        ({"person": "nobody"}, 0),
        ({"verb": "payments.superapp.add_currency"}, 1),
        ({"q": "req-77"}, 3),
        ({"q": "203.0.113.9", "person": "sven"}, 1),
        ({"since": "2100-01-01"}, 0),
        ({"verb": "made.up.verb"}, 0),
        ({"sort": "oldest"}, 3),
    ],
)
def test_filters(client, entries, orbit, superapp_admin, query, count):
    client.force_login(superapp_admin)
    page = client.get(url("superapp", superapp=orbit.code), query).content.decode()
    own = ["payments.delivery.configure", "console.team_membership.set", "payments.superapp.add_currency"]
    assert sum(f"<td>{WORDS[verb]}</td>" in page for verb in own) == count


def test_entries_of_the_mini_program_only(client, starfall, harbor_reader, team_admin, stranger):
    for program, person in [(starfall, team_admin), (harbor_reader, stranger)]:
        entry = record("items.item.add", program, actor=person, note=f"by {person}")
        assert entry.mini_program_id is None  # a mini program itself names none; its rows do
    client.force_login(team_admin)
    assert "Sally Stranger" not in client.get(url("team", team=starfall.team.code)).content.decode()


def test_pages_are_cut_by_keyset(client, northlight, team_admin):
    for number in range(60):
        record("items.item.add", northlight, actor=team_admin, note=f"entry-{number:03}")
    client.force_login(team_admin)
    first = client.get(url("team", team=northlight.code)).content.decode()
    following = re.search(r'href="(\?[^"]*after=[^"]*)"', first)[1].replace("&amp;", "&")
    second = client.get(url("team", team=northlight.code) + following).content.decode()
    seen = [set(re.findall(r"entry-\d{3}", page)) for page in (first, second)]
    assert (len(seen[0]), len(seen[0] & seen[1])) == (50, 0)
    assert "entry-000" in second


@pytest.mark.parametrize(
    ("person", "status"), [("operator", 200), ("platform", 200), ("approver", 200), ("superapp_operator", 200), ("stranger", 404)]
)
def test_who_may_look(client, northlight, person, status, request):
    client.force_login(request.getfixturevalue(person))
    assert client.get(url("team", team=northlight.code)).status_code == status
    assert client.post(url("team", team=northlight.code)).status_code == (405 if status == 200 else 404)


def test_members_of_a_team_do_not_see_the_superapps(client, orbit, team_admin):
    client.force_login(team_admin)
    assert client.get(url("superapp", superapp=orbit.code)).status_code == 404


def test_what_people_type_is_shown_as_text(client, northlight, team_admin):
    changes = {"name": ["operator", "<script>alert(1)</script>"]}
    record("items.item.edit", northlight, actor=team_admin, changes=changes, note="<b>")
    client.force_login(team_admin)
    page = client.get(url("team", team=northlight.code)).content.decode()
    assert "Name: operator → &lt;script&gt;alert(1)" in page  # a name that looks like a role stays as it was typed
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize("many", [1, 40])
def test_query_counts_do_not_grow(client, starfall, northlight, team_admin, many, django_assert_max_num_queries):
    for _number in range(many):
        record("items.item.add", northlight, actor=team_admin)
    client.force_login(team_admin)
    for address in (url("team", team=northlight.code), url("program", app_id=starfall.app_id)):
        with django_assert_max_num_queries(11):
            client.get(address)


def test_every_verb_that_people_write_has_words():
    apps = ("console", "payments", "items", "orders", "openserver")
    sources = [path for app in apps for path in (ROOT / app).rglob("*.py") if path.name != "verbs.py"]
    call = re.compile(r'(?:record|build_entry|_entry)\(\s*"([a-z_]+\.[a-z_]+\.[a-z_]+)"|"verb": "([a-z_.]+)"')
    found = {one or other for path in sources for one, other in call.findall(path.read_text(encoding="utf-8"))}
    found |= {move.verb for model in django_apps.get_models() for move in moves(model).values()}
    assert len(found) > 40
    assert sorted(verb for verb in found if verb not in WORDS and not SYSTEM_ONLY.match(verb)) == []


def test_states_read_as_on_the_pages(client, orbit, northlight, superapp_admin):
    record("payments.superapp.switch_on", orbit, actor=superapp_admin, changes={"payment_enabled": [False, True]})
    request = PaymentRequest(pk=77, superapp=orbit, team=northlight, requested_by=superapp_admin)
    record("payments.payment_request.approve", request, actor=superapp_admin, changes={"state": ["in_progress", "approved"]})
    client.force_login(superapp_admin)
    page = client.get(url("superapp", superapp=orbit.code)).text
    assert "State: In progress → Approved" in page
    assert "payment feature: No → Yes" in page


def test_the_history_of_one_object_has_what_the_system_did_too(client, entries, northlight, team_admin):
    client.force_login(team_admin)
    history = url("team", team=northlight.code) + f"?object={object_key('console.team', northlight.pk)}"
    page = client.get(history).text
    assert "openServer" in page
    assert "set the team role of" in page
    assert "https://a.example" not in page
    assert history.partition("?")[2].replace(":", "%3A") in client.get(url("team", team=northlight.code)).text


def test_in_a_mini_program_the_system_is_told_of_with_one_object_only(client, starfall, harbor_reader, team_admin):
    for program in (starfall, harbor_reader):
        request = PaymentRequest(pk=77, mini_program=program, superapp=program.superapp, team=program.team)
        record("payments.payment_request.cancel", request, actor=System("sweeper"), note=f"Old, {program}.")
    client.force_login(team_admin)
    address = url("program", app_id=starfall.app_id)
    assert client.get(address).context["listing"].page.rows == []
    history = client.get(address, {"object": object_key("payments.paymentrequest", 77)})
    assert "Old, Starfall." in history.text and history.context["listing"].count == 1


def test_the_history_of_an_object_of_another_team_is_empty(client, entries, northlight, harbor, stranger):
    client.force_login(stranger)
    page = client.get(url("team", team=harbor.code), {"object": object_key("console.team", northlight.pk), "who": "all"})
    assert page.context["listing"].page.rows == []


#: What the entries of these objects say in their stored labels, and what a reader of Chinese sees of them.
OBJECTS = {
    ("payments.paymentrequest", "Payment permission · Moonlit Cards"): "支付开通 · Moonlit Cards",
    ("payments.deliveryconfig", "Moonlit Cards delivery push"): "发货推送 · Moonlit Cards",
    ("console.teammembership", "Tara Nguyen · Team admin"): "成员 · Tara Nguyen",
    ("orders.delivery", "Item delivery MC-1"): "发货 · MC-1",
    ("items.item", "Gem (gem)"): "道具 · Gem (gem)",
    ("a.kind.of.old", "Something"): "Something",
}


@pytest.mark.parametrize(("kind", "label"), OBJECTS)
def test_objects_are_named_in_the_readers_language(kind, label):
    with translation.override("zh-hans"):
        assert subject_of(kind, label) == OBJECTS[kind, label]


def test_every_object_that_people_change_has_a_word_for_its_kind():
    written = {f"{model._meta.app_label}.{model._meta.model_name}" for model in django_apps.get_models()}
    #: Rows that carry mails, files or keys of others, and the sessions of lists: no entry is about them.
    silent = {"reconciliation", "difference", "outgoingmail", "notice", "noticechoice", "auditentry", "auditchain", "teamgrant"}
    silent |= {"superappgrant", "keptcolumns", "rollup", "rollupprogress", "latechange", "pricerefusal", "settlement"}
    silent |= {"replicamark", "exportrun", "itemimage", "attempt", "deliveryalert", "heartbeat", "notification", "receiver"}
    silent |= {"certificateauthority", "credentialmail", "request", "archivedorder", "archivedrefund", "recentquarter"}
    ours = {name for name in written if name.split(".")[0] in {"console", "payments", "items", "orders"}}
    assert {name for name in ours if name.split(".")[1] not in silent} == set(KINDS)


def test_a_search_finds_the_name_behind_the_kind(client, orbit, northlight, superapp_admin):
    request = PaymentRequest(pk=77, kind="payment", superapp=orbit, team=northlight, requested_by=superapp_admin)
    record("payments.payment_request.approve", request, actor=superapp_admin)
    client.force_login(superapp_admin)
    for words in ("Northlight Games", "Payment permission · Northlight Games"):
        assert len(client.get(url("superapp", superapp=orbit.code), {"q": words}).context["listing"].page.rows) == 1
    assert not client.get(url("superapp", superapp=orbit.code), {"q": "Northlight"}).context["listing"].page.rows


def test_the_history_panel_of_a_merchant_says_who_changed_what(client, orbit, superapp_admin, superapp_operator):
    merchant = merchant_account.add(orbit, actor=superapp_admin, merchant_id="M-1", name="Northlight", currency="USD")
    merchant_account.edit(merchant, actor=superapp_admin, merchant_id="M-1", name="Southlight", currency="USD")
    client.force_login(superapp_operator)
    page = client.get(reverse("payments:merchant-account", kwargs={"superapp": orbit.code, "pk": merchant.pk})).text
    assert "name: Northlight → Southlight" in page.replace("Name:", "name:")
    history = url("superapp", superapp=orbit.code) + f"?object={object_key('payments.merchant', merchant.pk)}".replace(":", "%3A")
    assert history in page
    chip = client.get(history).context["listing"].chips[-1]["label"]
    assert chip == "History of: Merchant · Southlight (M-1)"
