"""The pages of one item: add, edit, look, remove, take down, delete, and its image."""

import hashlib

import pytest
from django.urls import reverse

from items.actions import item as items
from items.actions import release as releases
from items.images import read_picture
from items.models import Item
from tests.items.conftest import decisions, edit, fresh, picture_bytes, upload

FORM = {"product_id": "gem", "name": "Gem", "price": "9.90", "description": "Shines"}


def url_of(page, program, product_id="gem"):
    names = {"app_id": program.app_id}
    return reverse(f"items:{page}", kwargs=names if page in {"list", "add"} else names | {"product_id": product_id})


@pytest.fixture
def add_url(starfall):
    return url_of("add", starfall)


def sent(client, person, url, **form):
    client.force_login(person)
    return client.post(url, form)


def shown(client, person, url):
    client.force_login(person)
    return client.get(url).content.decode()


def test_a_developer_adds_an_item_with_an_image(client, add_url, starfall, developer, merchant):
    response = sent(client, developer, add_url, **FORM, image=upload())
    item = Item.objects.get()
    assert response.url == url_of("detail", starfall)
    assert (item.product_id, item.price, item.currency, item.description) == ("gem", 990, "USD", "Shines")
    assert item.image.thumbnail.size > 0
    assert "was added" in client.get(response.url).content.decode()


def test_who_may_add(client, add_url, merchant, operator, stranger):
    assert [sent(client, person, add_url, **FORM).status_code for person in (operator, stranger)] == [403, 404]
    assert not Item.objects.exists()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"product_id": "my gem"}, "may not contain a space"),
        ({"product_id": "../x"}, "may not contain “.”"),
        ({"product_id": "é"}, "may not contain “é”"),
        ({"product_id": "x" * 65}, "has 65 characters"),
        ({"product_id": "\x00"}, "U+0000"),
        ({"product_id": ""}, "Enter an item ID"),
        ({"name": "\u202egem"}, "U+202E"),
        ({"name": " "}, "Enter a name"),
        ({"price": "0"}, "out of range"),
        ({"price": "-1"}, "is negative"),
        ({"price": "1.999"}, "too many decimals"),
        ({"price": "1e3"}, "scientific notation"),
        ({"price": "１２"}, "another script"),
        ({"price": "1,000"}, "separator"),
        ({"price": "$1"}, "currency sign"),
        ({"price": "NaN"}, "letters"),
        ({"price": ""}, "There is no amount"),
        ({"description": "x" * 1025}, "1025 characters"),
    ],
)
def test_bad_input_gets_a_sentence_keeps_what_was_typed_and_changes_nothing(client, add_url, developer, merchant, fault, says):
    response = sent(client, developer, add_url, **FORM | fault)
    text = response.content.decode()
    assert response.status_code == 422
    assert says in text and "error-summary" in text
    form = response.context["form"]
    assert form.errors.keys() == fault.keys()
    assert {name: form[name].value() for name in FORM} == FORM | fault
    assert not Item.objects.exists()


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "gem.png", "0 bytes"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "gem.png", "no JPEG or PNG"),
        (b"<html><script>alert(1)</script></html>", "gem.png", "no JPEG or PNG"),
        (picture_bytes("GIF"), "gem.gif", "no JPEG or PNG"),
        (picture_bytes()[:45], "gem.png", "damaged"),
        (picture_bytes(size=(5000, 2)), "gem.png", "5000 × 2 pixels"),
        (picture_bytes() + b"\0" * 2_100_000, "gem.png", "the limit is 2 MB"),
    ],
    ids=["empty", "svg", "html", "gif", "damaged", "wide", "heavy"],
)
def test_a_bad_image_is_refused_at_its_field(client, add_url, developer, merchant, content, name, says):
    response = sent(client, developer, add_url, **FORM, image=upload(content, name))
    assert response.status_code == 422
    assert response.context["form"].errors.keys() == {"image"}
    assert says in response.content.decode()
    assert not Item.objects.exists()


def test_a_good_image_has_to_be_chosen_again_when_something_else_is_wrong(client, add_url, developer, merchant):
    text = sent(client, developer, add_url, **FORM | {"price": "x"}, image=upload()).content.decode()
    assert "Choose the image again" in text
    assert "Choose the image again" not in sent(client, developer, add_url, **FORM | {"price": "x"}).content.decode()


def test_sending_the_add_form_twice_adds_one_item(client, add_url, developer, merchant):
    sent(client, developer, add_url, **FORM)
    second = sent(client, developer, add_url, **FORM)
    assert second.status_code == 422 and "exists already" in second.content.decode()
    assert Item.objects.count() == 1


def test_the_id_of_a_deleted_item_is_never_free_again(client, add_url, gem, developer, team_admin):
    items.delete(gem, actor=team_admin)
    text = sent(client, developer, add_url, **FORM).content.decode()
    assert "was used by a deleted item; ids are never free again" in text


def test_without_a_merchant_nothing_can_be_priced(client, add_url, starfall, developer):
    assert "no merchant is effective" in shown(client, developer, add_url)
    assert sent(client, developer, add_url, **FORM).status_code == 409
    assert not Item.objects.exists()


def test_editing_saves_the_draft(client, gem, starfall, developer):
    url = url_of("edit", starfall)
    assert 'value="9.90"' in shown(client, developer, url)
    response = sent(client, developer, url, name="Big gem", price="19.9", description="", version=1)
    assert response.url == url_of("detail", starfall)
    assert (fresh(gem).name, fresh(gem).price, fresh(gem).version) == ("Big gem", 1990, 2)


def test_editing_never_changes_the_id(client, gem, starfall, developer):
    sent(client, developer, url_of("edit", starfall), product_id="other", name="Gem", price="1", version=1)
    assert fresh(gem).product_id == "gem"


def test_a_stale_form_says_who_changed_what_and_can_then_be_saved(client, gem, starfall, developer, senior):
    edit(gem, by=senior, name="Big gem")
    stale = sent(client, developer, url_of("edit", starfall), name="Small gem", price="1.00", version=1)
    text = stale.content.decode()
    assert stale.status_code == 422 and "Sam Senior changed the name (now “Big gem”)" in text
    assert 'value="Small gem"' in text and fresh(gem).name == "Big gem"
    form = stale.context["form"]
    assert str(form["version"].value()) == "2"
    sent(client, developer, url_of("edit", starfall), name="Small gem", price="1.00", version=form["version"].value())
    assert fresh(gem).name == "Small gem"


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30])
def test_a_form_with_a_broken_version_saves_nothing(client, gem, starfall, developer, version):
    response = sent(client, developer, url_of("edit", starfall), name="Other", price="1", version=version)
    assert response.status_code == 422
    assert fresh(gem).name == "Gem"


def test_an_item_under_review_has_no_edit_form(client, gem, submitted, starfall, developer):
    client.force_login(developer)
    answers = [
        client.get(url_of("edit", starfall)),
        client.post(url_of("edit", starfall), {"name": "x", "price": "1", "version": 1}),
    ]
    assert [answer.status_code for answer in answers] == [409, 409]
    assert "Withdraw its release request first" in answers[0].content.decode()


def test_the_image_can_be_removed(client, gem, starfall, developer):
    edit(gem, by=developer, picture=read_picture(upload()))
    sent(client, developer, url_of("edit", starfall), name="Gem", price="9.90", version=2, remove_image="on")
    assert fresh(gem).image is None


def test_the_page_of_an_item_shows_draft_live_copy_and_history(client, on_sale_gem, starfall, developer):
    edit(on_sale_gem, by=developer, price=1990)
    text = shown(client, developer, url_of("detail", starfall))
    assert "USD 9.90" in text and "USD 19.90" in text and "+101 %" in text
    for event in (
        "Added by Devi Developer",
        "Submitted for release by Sam Senior",
        "Release approved by Ada Approver",
        "Edited by",
    ):
        assert event in text


def test_the_page_of_an_item_says_why_not_and_who_can(client, gem, submitted, starfall, operator, team_admin):
    text = shown(client, operator, url_of("detail", starfall))
    assert "Ask one of those who can: Devi Developer" in text
    assert url_of("edit", starfall) not in text
    text = shown(client, team_admin, url_of("detail", starfall))
    assert "Withdraw the release request first" in text and url_of("release-withdraw", starfall) in text


def test_the_reason_of_a_rejection_stands_on_the_page(client, gem, submitted, starfall, developer, approver):
    releases.decide(submitted, actor=approver, decisions=decisions(submitted, approve=False, reason="Too dear"))
    assert "The last release request was rejected: Too dear" in shown(client, developer, url_of("detail", starfall))


def test_the_page_of_an_item_takes_a_constant_number_of_queries(
    client, on_sale_gem, starfall, team_admin, django_assert_max_num_queries
):
    client.force_login(team_admin)
    with django_assert_max_num_queries(14):
        client.get(url_of("detail", starfall))


def test_other_peoples_items_do_not_exist(client, gem, starfall, harbor_reader, stranger, developer):
    for page in ("detail", "edit", "remove", "delete", "take-down", "release-withdraw"):
        client.force_login(stranger)
        assert client.get(url_of(page, starfall)).status_code == 404
        assert client.get(url_of(page, harbor_reader)).status_code == 404
    client.force_login(developer)
    assert client.get(url_of("detail", starfall, "GEM")).status_code == 404


def test_removing_asks_first_and_then_ends_the_sale(client, on_sale_gem, starfall, team_admin):
    url = url_of("remove", starfall)
    assert "Past orders keep showing it" in shown(client, team_admin, url)
    assert fresh(on_sale_gem).on_sale
    assert sent(client, team_admin, url).status_code == 302
    assert fresh(on_sale_gem).state == "removed"
    assert sent(client, team_admin, url).status_code == 409


def test_deleting_asks_first_and_then_hides_the_item(client, gem, starfall, team_admin):
    url = url_of("delete", starfall)
    assert "never free again" in shown(client, team_admin, url)
    assert sent(client, team_admin, url).url == url_of("list", starfall)
    assert "Deleted" in shown(client, team_admin, url_of("detail", starfall))


def test_the_superapp_takes_an_item_down_with_a_reason(client, on_sale_gem, starfall, approver):
    url = url_of("take-down", starfall)
    assert "Buyers can no longer buy it" in shown(client, approver, url)
    refused = sent(client, approver, url, reason=" ")
    assert refused.status_code == 422 and "Enter a reason" in refused.content.decode()
    assert sent(client, approver, url, reason="Gambling").status_code == 302
    assert fresh(on_sale_gem).state == "taken_down"


def image_url(item, variant="thumbnail"):
    return reverse("items:image", kwargs={"app_id": item.mini_program.app_id, "sha256": item.image.sha256, "variant": variant})


def test_images_are_served_so_that_they_can_only_be_looked_at(client, gem, operator, approver, developer):
    item = edit(gem, by=developer, picture=read_picture(upload()))
    for person in (operator, approver):
        client.force_login(person)
        response = client.get(image_url(item, "full"))
        assert hashlib.sha256(b"".join(response.streaming_content)).hexdigest() == item.image.sha256
        assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/png", "nosniff")
        assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response["Cache-Control"] == "private, max-age=31536000, immutable"


def test_images_of_others_and_unknown_ones_do_not_exist(client, gem, harbor_reader, stranger, developer, superapp_operator):
    item = edit(gem, by=developer, picture=read_picture(upload()))
    client.force_login(stranger)
    assert client.get(image_url(item)).status_code == 404
    assert client.get(image_url(item).replace(item.mini_program.app_id, harbor_reader.app_id)).status_code == 404
    client.force_login(superapp_operator)
    assert client.get(image_url(item)).status_code == 403
    client.force_login(developer)
    assert client.get(image_url(item, "original")).status_code == 404
    assert client.get(image_url(item).replace(item.image.sha256, "0" * 64)).status_code == 404


def test_the_page_of_an_item_leads_to_everything_that_can_be_done(client, gem, starfall, team_admin):
    text = shown(client, team_admin, url_of("detail", starfall))
    submit = reverse("items:release-submit", kwargs={"app_id": starfall.app_id}) + "?ids=gem"
    for url in (submit, url_of("edit", starfall), url_of("delete", starfall)):
        assert url in text
        assert client.get(url).status_code == 200
