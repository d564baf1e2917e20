"""The template tags of the design system, and the rules that every template keeps (docs/design-system.md)."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django import forms
from django.apps import apps
from django.conf import settings
from django.template import Context, Template
from django.template.loader import get_template
from django.utils import timezone
from django_fsm import FSMField

from console.templatetags.state_looks import STATES, UNKNOWN, look_of
from console.templatetags.ui import copy, money, sentences, state_badge, state_mark, when

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STYLES = Path(settings.BASE_DIR) / "static" / "css"
PAGES = sorted(str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html"))
AFTERNOON = datetime(2026, 11, 21, 6, 3, tzinfo=UTC)


class ItemForm(forms.Form):
    name = forms.CharField(help_text="As the player reads it.")
    notify = forms.BooleanField(required=False)


def render(source: str, **context: object) -> str:
    return Template("{% load ui %}" + source).render(Context(context))


@pytest.mark.parametrize("page", PAGES)
def test_every_template_compiles_and_keeps_the_content_security_policy(page):
    get_template(page)
    source = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", (TEMPLATES / page).read_text(), flags=re.DOTALL)
    assert not re.search(r"<style|\sstyle\s*=|<script(?![^>]*\ssrc=)|\son[a-z]+\s*=\s*[\"']", source, re.IGNORECASE)
    assert not re.search(r"javascript:", source, re.IGNORECASE)


def test_colours_are_named_in_one_file_only():
    colours = re.compile(
        r"(?:color|background|fill|stroke|border[\w-]*):[^;{}]*(#[0-9a-f]{3,8}\b|rgb\()", re.IGNORECASE
    )
    found = {path.name: colours.findall(path.read_text()) for path in STYLES.glob("*.css") if path.name != "tokens.css"}
    allowed = {"components.css": ["#fff"]}  # the white a QR code needs to be read
    assert {name: hits for name, hits in found.items() if hits} == allowed


def test_every_token_in_use_is_defined():
    source = "".join(path.read_text() for path in STYLES.glob("*.css"))
    assert set(re.findall(r"var\((--[\w-]+)\)", source)) - set(re.findall(r"(--[\w-]+):", source)) == set()


def test_every_state_has_an_icon_that_exists(settings):
    settings.DEBUG = True  # an unknown icon raises
    for value in STATES:
        assert "<svg" in state_mark(value, value)


def test_every_state_of_every_model_has_a_look():
    fields = [field for model in apps.get_models() for field in model._meta.get_fields() if isinstance(field, FSMField)]
    assert fields
    missing = {
        f"{field.model.__name__}.{field.name}={value}"
        for field in fields
        for value, _label in field.choices or []
        if look_of(value, field=field.name) == UNKNOWN
    }
    assert missing == set()


def test_state_is_icon_and_word_and_colour():
    order = SimpleNamespace(delivery_state="needs_attention", get_delivery_state_display=lambda: "Needs attention")
    html = state_badge(order, "delivery_state")
    assert "badge-danger" in html and "<svg" in html and "Needs attention" in html


def test_the_field_may_change_the_look():
    assert look_of("failed", field="state").tone == "danger"
    assert look_of("failed", field="payment_state").tone == "muted"
    assert look_of("never heard of") == UNKNOWN


def test_money_shows_major_units_and_marks_what_is_negative():
    assert ">USD 9.90<" in money(990, "USD")
    assert "money-negative" in money(-990, "USD")
    assert "–" in money(None, "USD")


def test_moments_stand_in_the_readers_zone_with_its_offset():
    with timezone.override(ZoneInfo("Asia/Shanghai")):
        assert when(AFTERNOON) == (
            '<time datetime="2026-11-21T06:03:00Z" title="2026-11-21 06:03:00 UTC">21 Nov 2026, 14:03 (UTC+8)</time>'
        )
    with timezone.override(ZoneInfo("Asia/Kolkata")):
        assert "(UTC+5:30)" in when(AFTERNOON)
    with timezone.override(UTC):
        assert "06:03:00 (UTC)" in when(AFTERNOON, seconds=True)


def test_ago_and_waiting_are_words():
    then = timezone.now() - timedelta(hours=3, seconds=5)
    assert "3\xa0hours ago<" in render("{% ago at %}", at=then)
    assert "3\xa0hours<" in render("{% waiting at %}", at=then)
    assert "in 2\xa0days<" in render("{% ago at %}", at=timezone.now() + timedelta(days=2, minutes=1))


def test_copy_escapes_and_copies_all_of_it():
    html = copy('"><script>', "short…")
    assert 'data-copy="&quot;&gt;&lt;script&gt;"' in html and "short…" in html and "<script>" not in html


def test_copy_can_link_without_putting_the_button_inside_the_link():
    html = copy("MC-1", url="/orders/1")
    assert '<a class="row-link truncate" href="/orders/1">' in html and html.index("</a>") < html.index("<button")


def test_field_ties_hint_and_error_to_the_control():
    html = render("{% field form.name %}", form=ItemForm({"name": ""}))
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_name_helptext id_name_error"' in html
    assert 'id="id_name_helptext"' in html and 'id="id_name_error"' in html


def test_field_without_hint_points_nowhere():
    html = render('{% field form.name "" %}', form=ItemForm())
    assert "helptext" not in html and "describedby" not in html


def test_error_summary_links_to_the_fields():
    form = ItemForm({"name": ""})
    form.add_error(None, "The form as a whole is wrong.")
    html = render("{% error_summary form %}", form=form)
    assert 'role="alert"' in html and 'href="#id_name"' in html and "The form as a whole is wrong." in html


def test_error_summary_is_silent_without_faults():
    assert render("{% error_summary form other %}", form=ItemForm({"name": "Sword"}), other=None) == ""


def test_an_unknown_icon_takes_no_page_down():
    assert "<svg" in render('{% icon "no-such-icon-anywhere" %}')


def test_blocks_keep_their_content_and_escape_their_title():
    html = render("{% card title=title %}<p>Inside</p>{% endcard %}", title="<b>")
    assert "<p>Inside</p>" in html and "&lt;b&gt;" in html


def test_sentences_have_a_space_between_them_where_their_stop_brings_none_along():
    assert sentences("Paid.", "", "Refunded.") == "Paid. Refunded."
    assert sentences("已支付。", "<b>", when(None)) == f"已支付。&lt;b&gt; {when(None)}"
