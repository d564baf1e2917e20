"""Columns that people keep, and saved views."""

import pytest
from django.urls import reverse

from console import list_settings
from console.models import AuditEntry, KeptColumns, SavedView
from tests.orders.records import place

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]


@pytest.fixture
def list_url(starfall):
    return reverse("orders:list", kwargs={"app_id": starfall.app_id})


@pytest.fixture
def url(list_url):
    return list_url + "settings"


def names(response):
    return [column.name for column in response.context["listing"].shown]


def views(response):
    return [(view["label"], view["current"]) for view in response.context["views"]]


def save(client, url, name, query="payment=paid&sort=oldest", **more):
    return client.post(f"{url}?{query}", {"act": "save", "name": name, **more})


def test_columns_are_kept_for_the_reader_and_the_address_goes_before(client, operator, senior, list_url, url, starfall):
    place(starfall, "ORDER-1", prepay_id="prepay-1")
    client.force_login(operator)
    response = client.post(url + "?payment=created", {"act": "columns", "columns": ["amount", "prepay", "number"]})
    assert response.headers["Location"] == list_url + "?payment=created"
    assert names(client.get(list_url)) == ["number", "amount", "prepay"]
    assert names(client.get(list_url + "?columns=env")) == ["number", "env"]
    client.force_login(senior)
    assert "prepay" not in names(client.get(list_url))


def test_the_usual_columns_come_back(client, operator, list_url, url):
    client.force_login(operator)
    usual = names(client.get(list_url))
    client.post(url, {"act": "columns", "columns": ["number"]})
    client.post(url, {"act": "usual"})
    assert names(client.get(list_url)) == usual
    assert KeptColumns.objects.count() == 1


@pytest.mark.parametrize("query", ["kind=standard", "time=paid", "q=ORDER-1+ORDER-2"])
def test_one_more_column_kept_from_a_record_that_shows_others_changes_no_other(client, operator, list_url, url, query):
    client.force_login(operator)
    usual = names(client.get(list_url))
    page = client.get(f"{url}?{query}")
    ticked = [column.name for column, is_ticked in page.context["columns"] if is_ticked]
    client.post(f"{url}?{query}", {"act": "columns", "columns": [*ticked, "attach"]})
    assert names(client.get(list_url)) == [*usual, "attach"]


def test_a_view_keeps_the_columns_that_were_chosen_and_not_what_was_shown_in_their_stead(client, operator, list_url, url):
    client.force_login(operator)
    save(client, url, "Paid", "time=paid&columns=number,created,amount")
    view = SavedView.objects.get()
    assert "columns=number%2Ccreated%2Camount" in view.query
    opened = client.get(f"{list_url}?{view.query}")
    assert names(opened) == ["number", "paid", "amount"] and views(opened) == [("Paid", True)]


def test_looking_changes_nothing_and_no_column_or_an_unknown_one_is_refused(client, operator, url):
    client.force_login(operator)
    assert client.get(url).status_code == 200
    for columns in ([], ["stolen"]):
        response = client.post(url, {"act": "columns", "columns": columns})
        assert (response.status_code, "Tick at least one column" in response.content.decode()) == (422, True)
    assert client.post(url, {"act": "explode"}).status_code == 422
    assert not KeptColumns.objects.exclude(columns=[]).exists()


def test_an_unknown_column_of_the_address_is_told(client, operator, list_url):
    client.force_login(operator)
    assert "This list has no column “stolen”." in client.get(list_url + "?columns=number,stolen").content.decode()


def test_a_view_keeps_filters_sort_and_columns_but_not_the_place(client, operator, list_url, url):
    client.force_login(operator)
    query = "payment=paid&sort=oldest&columns=number,paid&zone=Asia%2FShanghai&since=2026-03-01&after=abc&junk=1"
    response = save(client, url, "  March,   paid ", query)
    view = SavedView.objects.get()
    assert view.name == "March, paid" and not view.is_shared
    assert response.headers["Location"] == f"{list_url}?{view.query}"
    opened = client.get(f"{list_url}?{view.query}")
    assert views(opened) == [("March, paid", True)]
    assert names(opened) == ["number", "paid"]
    assert opened.context["listing"].sort.name == "oldest" and "junk" not in view.query and "after" not in view.query


def test_of_very_many_views_the_bar_leads_to_all(client, operator, list_url, url, monkeypatch):
    monkeypatch.setattr(list_settings, "MOST_SHOWN", 2)
    client.force_login(operator)
    for name in ("First", "Second", "Third"):
        before = views(client.get(list_url))
        save(client, url, name)
    assert [name for name, _now in before] == ["First", "Second"]
    shown = client.get(list_url + "?payment=paid").context["views"]
    assert [view["label"] for view in shown] == ["First", "Second", "All saved views"]
    assert "Third" in client.get(list_url + shown[-1]["url"]).content.decode()


def test_the_same_name_again_replaces_the_view(client, operator, url):
    client.force_login(operator)
    save(client, url, "Mine")
    save(client, url, "Mine", "payment=closed")
    assert SavedView.objects.get().query == "payment=closed"


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b"])
def test_bad_names_get_a_sentence(client, operator, url, name):
    client.force_login(operator)
    response = save(client, url, name)
    assert response.status_code == 422
    assert ("at most 60 characters" if name.strip() else "Give the view a name") in response.content.decode()
    assert not SavedView.objects.exists()


def test_private_views_are_seen_by_their_owner_and_shared_ones_by_the_team(
    client, operator, senior, stranger, superapp_operator, list_url, url, harbor_reader, starfall
):
    client.force_login(operator)
    save(client, url, "Private")
    save(client, url, "Shared", is_shared="on")
    client.force_login(senior)
    assert views(client.get(list_url)) == [("Shared", False)]
    client.force_login(stranger)
    assert views(client.get(reverse("orders:list", kwargs={"app_id": harbor_reader.app_id}))) == []
    client.force_login(superapp_operator)
    assert views(client.get(reverse("orders:superapp-list", kwargs={"superapp": starfall.superapp.code}))) == []
    refunds = reverse("orders:refund-list", kwargs={"app_id": starfall.app_id})
    client.force_login(operator)
    assert views(client.get(refunds)) == []


@pytest.mark.parametrize("record", ["", "refund-"])
@pytest.mark.parametrize("words", ["player-0001-abcd", "N-1 player-0001-abcd", "player-0001-abcd&since=nonsense"])
def test_no_view_that_is_shared_names_a_player(client, superapp_operator, operator, starfall, record, words):
    """The team sees players whole, but its lists are read by the superapp and the platform too."""
    place(starfall, "ORDER-1", open_id="player-0001-abcd")
    url = reverse(f"orders:{record}list-settings", kwargs={"app_id": starfall.app_id})
    there = reverse(f"orders:superapp-{record}list-settings", kwargs={"superapp": starfall.superapp.code})
    for person, page in ((superapp_operator, there), (operator, url)):
        client.force_login(person)
        assert save(client, page, "Theirs", f"q={words}", is_shared="on").status_code == 422
        save(client, page, "Mine", f"q={words}")
        view = SavedView.objects.get(owner=person)
        answer = client.post(page, {"act": "share", "view": view.pk})
        assert answer.status_code == 422 and "which others see masked" in answer.content.decode()
    assert not SavedView.objects.filter(is_shared=True).exists()


def test_a_shared_view_that_names_a_player_is_shown_to_the_team_only(
    client, operator, senior, superapp_operator, list_url, url, starfall
):
    client.force_login(operator)
    for number in range(3):
        save(client, url, f"Player {number}", f"q=player-000{number}-abcd", is_shared="on")
    save(client, url, "Paid", is_shared="on")
    for number in range(2):  # after it was shared
        place(starfall, f"ORDER-{number}", open_id=f"player-000{number}-abcd")
    everything = ["Paid", "Player 0", "Player 1", "Player 2"]
    for person, names_seen in ((senior, everything), (superapp_operator, ["Paid", "Player 2"])):
        client.force_login(person)
        assert [name for name, _current in views(client.get(list_url))] == names_seen
        page = client.get(url).content.decode()
        assert ("player-0001-abcd" in page) == (person == senior) and "Player 2" in page


def test_the_owner_renames_shares_and_deletes(client, operator, url):
    client.force_login(operator)
    save(client, url, "Mine")
    pk = SavedView.objects.get().pk
    client.post(url, {"act": "rename", "view": pk, "name": "Ours"})
    client.post(url, {"act": "share", "view": pk})
    assert (SavedView.objects.get().name, SavedView.objects.get().is_shared) == ("Ours", True)
    client.post(url, {"act": "keep_private", "view": pk})
    assert not SavedView.objects.get().is_shared
    client.post(url, {"act": "delete", "view": pk})
    assert not SavedView.objects.exists()
    verbs = AuditEntry.objects.filter(object_type="console.savedview").order_by("id").values_list("verb", flat=True)
    assert list(verbs) == ["console.saved_view.share", "console.saved_view.keep_private"]


def test_a_name_of_another_own_view_is_refused(client, operator, url):
    client.force_login(operator)
    save(client, url, "One")
    save(client, url, "Two")
    response = client.post(url, {"act": "rename", "view": SavedView.objects.get(name="Two").pk, "name": "One"})
    assert response.status_code == 422 and "You have another view named “One”" in response.content.decode()


@pytest.mark.parametrize("act", ["rename", "share", "keep_private", "delete"])
def test_a_colleague_uses_a_shared_view_but_does_not_change_it(client, operator, senior, team_admin, url, act):
    client.force_login(operator)
    save(client, url, "Shared", is_shared="on")
    save(client, url, "Private")
    shared, private = SavedView.objects.get(name="Shared"), SavedView.objects.get(name="Private")
    client.force_login(senior)
    assert client.post(url, {"act": act, "view": shared.pk, "name": "Taken"}).status_code == 403
    assert client.post(url, {"act": act, "view": private.pk, "name": "Taken"}).status_code == 404
    client.force_login(team_admin)
    assert client.post(url, {"act": act, "view": shared.pk, "name": "Tidy"}).status_code == 302
