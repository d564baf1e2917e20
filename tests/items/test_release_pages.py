"""The pages of a release: submit, withdraw, review, decide."""

import re

import pytest
from django.urls import reverse

from console.models import OutgoingMail
from items.actions import item as items
from items.actions import release as releases
from items.images import read_picture
from items.models import Item, Release
from items.review import REASON_TEMPLATES, is_one_edit, reviewed
from items.submitting import manifest
from tests.items.conftest import bind_merchant, decisions, edit, fresh, picture_bytes, upload


@pytest.fixture
def submit_url(starfall):
    return reverse("items:release-submit", kwargs={"app_id": starfall.app_id})


def page(name, release):
    return reverse(f"items:{name}", kwargs={"superapp": release.superapp.code, "pk": release.pk})


def choice(release, value, reason=""):
    form = {}
    for entry in release.entries.all():
        form |= {f"choice-{entry.pk}": value, f"reason-{entry.pk}": reason, f"hash-{entry.pk}": entry.content_hash}
    return form


def manifest_on(text):
    return re.search(r'name="shown" value="([0-9a-f: ]+)"', text)[1]


def shown(client, person, url, data=None):
    client.force_login(person)
    return client.get(url, data or {}).content.decode()


def test_submitting_shows_what_and_what_not_and_then_submits(client, submit_url, gem, submitted, sword, senior):
    text = shown(client, senior, submit_url, {"ids": ["gem", "sword"]})
    assert "1 item is submitted" in text and "1 item is left out" in text and "is under review already" in text
    response = client.post(submit_url, {"shown": manifest([(sword.pk, sword.draft_hash)]), "message": "Please"})
    assert response.status_code == 302
    assert (fresh(sword).state, Release.objects.latest("pk").message) == ("under_review", "Please")


def test_submitting_twice_answers_409_and_changes_nothing(client, submit_url, gem, senior):
    client.force_login(senior)
    form = {"shown": manifest([(gem.pk, gem.draft_hash)])}
    assert [client.post(submit_url, form).status_code for _time in range(2)] == [302, 409]
    assert Release.objects.count() == 1


def test_submitting_needs_a_selection_and_the_permission(client, submit_url, gem, senior, developer, stranger):
    client.force_login(senior)
    assert client.get(submit_url).status_code == 302
    assert client.post(submit_url, {}).status_code == 422
    client.force_login(developer)
    assert client.get(submit_url, {"ids": "gem"}).status_code == 403
    client.force_login(stranger)
    assert client.get(submit_url, {"ids": "gem"}).status_code == 404


def test_a_long_message_comes_back(client, submit_url, gem, senior):
    client.force_login(senior)
    response = client.post(submit_url, {"shown": manifest([(gem.pk, gem.draft_hash)]), "message": "x" * 501})
    assert response.status_code == 422 and "x" * 501 in response.content.decode()
    assert fresh(gem).state == "unreleased"


def test_an_exempt_program_is_told_that_items_go_on_sale_at_once(client, submit_url, gem, exemption, senior):
    assert "1 item is released at once" in shown(client, senior, submit_url, {"ids": ["gem"]})
    text = client.post(submit_url, {"shown": manifest([(gem.pk, gem.draft_hash)])}, follow=True).content.decode()
    assert "1 item is on sale now." in text


def test_withdrawing_asks_first(client, gem, submitted, starfall, senior):
    url = reverse("items:release-withdraw", kwargs={"app_id": starfall.app_id, "product_id": "gem"})
    assert "edited and submitted again" in shown(client, senior, url)
    assert client.post(url).status_code == 302
    assert (fresh(gem).state, client.post(url).status_code) == ("unreleased", 409)


def test_the_review_shows_the_difference_and_the_flags(client, on_sale_gem, starfall, developer, senior, approver):
    picture = read_picture(upload())
    items.add(starfall, actor=developer, product_id="gen", name="Gen", price=1, currency="USD", picture=picture)
    edit(on_sale_gem, by=developer, price=1990, picture=picture)
    release = releases.submit([on_sale_gem], actor=senior, message="New look").release
    text = shown(client, approver, page("release-review", release))
    for part in (
        "USD 9.90",
        "USD 19.90",
        "+101 %",
        "Price jump: +101 %",
        "The ID looks like gen",
        "Same image as gen",
        "New look",
    ):
        assert part in text


def test_a_change_of_currency_is_flagged(client, on_sale_gem, northlight, team_admin, superapp_admin, developer, senior):
    binding = northlight.merchant_bindings.get()
    items_currency = fresh(on_sale_gem).currency
    type(binding).objects.filter(pk=binding.pk).update(effective=None)
    bind_merchant(northlight, by=team_admin, approved_by=superapp_admin, currency="JPY")
    edit(on_sale_gem, by=developer, price=1990, currency="JPY")
    release = releases.submit([on_sale_gem], actor=senior).release
    assert reviewed(release)[0].flags == [f"Currency change: {items_currency} → JPY"]


def test_approving_one_item_from_the_page(client, gem, submitted, approver):
    client.force_login(approver)
    response = client.post(page("release-decide", submitted), choice(submitted, "approve"))
    assert response.url == page("release-review", submitted)
    assert fresh(gem).on_sale
    assert "Decided by" in client.get(response.url).content.decode()


def test_rejecting_without_a_reason_comes_back_with_what_was_chosen(client, gem, submitted, approver):
    client.force_login(approver)
    response = client.post(page("release-decide", submitted), choice(submitted, "reject", " "))
    text = response.content.decode()
    assert response.status_code == 422 and "Enter a reason" in text
    assert 'value="reject" checked' in text
    assert fresh(gem).state == "under_review"


def test_choosing_nothing_decides_nothing(client, gem, submitted, approver):
    client.force_login(approver)
    response = client.post(page("release-decide", submitted), choice(submitted, ""))
    assert response.status_code == 422 and "Nothing is decided yet" in response.content.decode()


@pytest.mark.parametrize("name", ["choice-x", "choice-", "choice-99999999999999999999", "choice-²"])
def test_odd_fields_are_no_decision(client, submitted, approver, name):
    client.force_login(approver)
    assert client.post(page("release-decide", submitted), {name: "approve"}).status_code == 422


def test_content_that_is_not_what_was_shown_is_not_decided(client, gem, submitted, approver):
    client.force_login(approver)
    form = choice(submitted, "approve") | {f"hash-{submitted.entries.get().pk}": "0" * 64}
    response = client.post(page("release-decide", submitted), form)
    assert response.status_code == 409 and "not what you were shown" in response.content.decode()
    assert not fresh(gem).on_sale


def test_a_second_decision_says_who_was_first(client, submitted, approver, superapp_admin):
    form = choice(submitted, "approve")
    releases.decide(submitted, actor=approver, decisions=decisions(submitted))
    client.force_login(superapp_admin)
    response = client.post(page("release-decide", submitted), form)
    assert response.status_code == 409 and "already decided by Ada Approver" in response.content.decode()


def test_approving_all_is_asked_again_first(client, gem, sword, senior, approver):
    release = releases.submit([gem, sword], actor=senior).release
    text = shown(client, approver, page("release-decide", release))
    assert "Approve 2 items?" in text and fresh(release).state == "in_progress"
    client.post(page("release-decide", release), {"all": "approve", "shown": manifest_on(text)})
    assert fresh(release).state == "approved"
    assert client.get(page("release-decide", release)).status_code == 302


def test_rejecting_all_needs_one_reason_for_all(client, gem, sword, senior, approver):
    release = releases.submit([gem, sword], actor=senior).release
    text = shown(client, approver, page("release-decide", release), {"choice": "reject"})
    form = {"all": "reject", "shown": manifest_on(text)}
    assert "Reject 2 items?" in text
    refused = client.post(page("release-decide", release), form | {"reason": " "})
    assert refused.status_code == 422 and "Enter a reason" in refused.content.decode()
    client.post(page("release-decide", release), form | {"reason": "Too shiny"})
    assert fresh(release).state == "rejected"
    assert {fresh(gem).last_reason, fresh(sword).last_reason} == {"Too shiny"}


def test_all_means_what_was_shown(client, gem, sword, senior, approver):
    release = releases.submit([gem, sword], actor=senior).release
    form = {"all": "approve", "shown": manifest_on(shown(client, approver, page("release-decide", release)))}
    releases.withdraw(gem, actor=senior)
    answer = client.post(page("release-decide", release), form)
    assert answer.status_code == 409 and "“Gem (gem)” was taken out of this request" in answer.content.decode()
    assert fresh(sword).state == "under_review"


def test_a_stale_decision_shows_what_changed_since(client, gem, submitted, senior, developer, approver):
    form = choice(submitted, "approve")
    edit(releases.withdraw(gem, actor=senior), by=developer, price=1990, name="Big gem")
    releases.submit([fresh(gem)], actor=senior)
    client.force_login(approver)
    answer = client.post(page("release-decide", submitted), form)
    text = answer.content.decode()
    assert answer.status_code == 409 and "Nothing was decided" in text
    assert "changed by Devi Developer: Name: “Gem” → “Big gem” · Price: USD 9.90 → USD 19.90." in text
    assert fresh(gem).state == "under_review"


def test_the_review_shows_the_live_copy_beside_the_draft(client, on_sale_gem, developer, senior, approver):
    before = edit(on_sale_gem, by=developer, picture=read_picture(upload()))
    release = releases.submit([before], actor=senior).release
    releases.decide(release, actor=approver, decisions=decisions(release))
    other = read_picture(upload(picture_bytes(color=(1, 2, 3))))
    changed = edit(fresh(before), by=developer, price=1485, picture=other)
    again = releases.submit([changed], actor=senior).release
    item_page = reverse("items:detail", kwargs={"app_id": changed.mini_program.app_id, "product_id": "gem"})
    for person, url in ((approver, page("release-review", again)), (developer, item_page)):
        text = shown(client, person, url)
        assert "<del>USD 9.90</del>" in text and "<ins>USD 14.85</ins>" in text and "+50 %" in text
        assert text.index(before.image.sha256) < text.index(other.sha256)
    assert "Price jump: +50 %" in shown(client, approver, page("release-review", again))


@pytest.mark.parametrize(("field", "part"), [("part", "name"), ("", "image")])
def test_a_reason_points_at_a_field_of_the_form(client, gem, submitted, senior, developer, approver, field, part):
    """Chosen by the reviewer, or known of a ready-made reason; the team gets to the field with one click."""
    reason = "Too shiny" if field else next(str(text) for about, text in REASON_TEMPLATES if about == part)
    pk = submitted.entries.get().pk
    client.force_login(approver)
    client.post(page("release-decide", submitted), choice(submitted, "reject", reason) | {f"part-{pk}": part if field else ""})
    label = Item.Part(part).label
    edit_url = reverse("items:edit", kwargs={"app_id": gem.mini_program.app_id, "product_id": "gem"})
    assert f'href="{edit_url}#id_{part}"' in shown(client, developer, edit_url.removesuffix("edit"))
    form = shown(client, developer, edit_url)
    assert f"Rejected because of “{label}”" in form and f'id="id_{part}"' in form
    assert f"Reason, about “{label}”: {reason}" in OutgoingMail.objects.get().body


def test_what_deserves_a_second_look_is_counted_first(client, starfall, developer, senior, gem, sword, approver):
    twin = items.add(starfall, actor=developer, product_id="gen", name="Gen", price=1, currency="USD")
    release = releases.submit([sword, twin], actor=senior).release
    text = shown(client, approver, page("release-decide", release))
    assert "1 of them deserves a second look" in text and text.index("Gen") < text.index("Sword")


def test_who_may_review_and_who_may_decide(client, submitted, superadmin, approver, superapp_operator, team_admin, stranger):
    def statuses(name):
        found = []
        for person in (superadmin, approver, superapp_operator, team_admin, stranger):
            client.force_login(person)
            found.append(client.get(page(name, submitted)).status_code)
        return found

    assert statuses("release-review") == [200, 200, 403, 404, 404]
    assert statuses("release-decide") == [403, 200, 403, 404, 404]


def test_a_reader_sees_the_review_without_buttons(client, submitted, superadmin, approver):
    text = shown(client, superadmin, page("release-review", submitted))
    assert "Ask one of those who can: " in text and "Ada Approver" in text and 'name="choice-' not in text


def test_a_release_of_another_superapp_does_not_exist(client, submitted, approver):
    client.force_login(approver)
    url = reverse("items:release-review", kwargs={"superapp": submitted.superapp.code, "pk": submitted.pk + 1})
    assert client.get(url).status_code == 404


def test_the_review_takes_a_constant_number_of_queries(client, gem, sword, senior, approver, django_assert_max_num_queries):
    one = releases.submit([gem], actor=senior).release
    two = releases.submit([sword], actor=senior).release
    two.entries.update(release=one)
    client.force_login(approver)
    with django_assert_max_num_queries(22):
        client.get(page("release-review", one))


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("gem", "gem", True),
        ("gem", "gen", True),
        ("gem", "gems", True),
        ("gem", "em", True),
        ("gem", "mge", False),
        ("gem", "gemss", False),
    ],
)
def test_ids_one_edit_apart(one, other, alike):
    assert is_one_edit(one, other) is is_one_edit(other, one) is alike
