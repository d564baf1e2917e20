"""Controls made in Python are those that Django's own templates make: names, values, choices, faults and aria attributes."""

from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest
from django import forms
from django.conf import settings as django_settings
from django.forms.renderers import TemplatesSetting
from django.http import QueryDict
from django.utils import translation
from django.utils.safestring import SafeString
from hypothesis import given, settings
from hypothesis import strategies as st

from console.form_renderer import _QUICK, Renderer
from orders.listings import order_listing, refund_listing

AS_DJANGO, AS_WE = TemplatesSetting(), Renderer()
APPS = ("console", "payments", "items", "orders", "openserver", "simulator")


class Parts(HTMLParser):
    """What a page of HTML says, whatever its white space and the order of its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[object] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert len(dict(attrs)) == len(attrs), f"an attribute stands twice: {attrs}"
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        self.found.append(f"/{tag}")

    def handle_data(self, data):
        if data.strip():
            self.found.append(data.strip())


def drawn(form: forms.Form, renderer: TemplatesSetting) -> list[object]:
    form.renderer = renderer
    return [part for bound in form for part in (*Parts(str(bound)).found, *Parts(str(bound.errors)).found)]


def same(form: forms.Form) -> list[object]:
    """Compare both; what was drawn, for a test that looks at it too."""
    ours = drawn(form, AS_WE)
    assert ours == drawn(form, AS_DJANGO)
    return ours


class Every(forms.Form):
    """One of each widget that is drawn in Python, and of some that are not."""

    text = forms.CharField(max_length=40, help_text="Words", widget=forms.TextInput(attrs={"placeholder": "\"<&>'"}))
    number = forms.IntegerField(min_value=1, max_value=9, required=False, localize=True)
    price = forms.DecimalField(required=False, disabled=True)
    day = forms.DateField(required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    mail = forms.EmailField(required=False)
    address = forms.URLField(required=False, assume_scheme="https")
    hidden = forms.CharField(widget=forms.HiddenInput)
    plain = forms.CharField(required=False, widget=forms.widgets.Input(attrs={"data-flag": True, "data-none": False, "size": 3}))
    choice = forms.ChoiceField(choices=[("", "Any"), ("a", "A & <b>"), ("Group", [("c", "C"), (1, "One")])], help_text="One")
    lazy = forms.TypedChoiceField(choices=[(0, SafeString("<i>Live</i>")), (1, "Sandbox")], coerce=int, required=False)
    maybe = forms.NullBooleanField()
    several = forms.MultipleChoiceField(choices=[("x", "X"), ("y", "Y")], required=False, widget=forms.SelectMultiple)
    yes = forms.BooleanField(required=False)
    long = forms.CharField(widget=forms.Textarea, required=False)
    boxes = forms.MultipleChoiceField(choices=[("x", "X"), ("y", "Y")], required=False, widget=forms.CheckboxSelectMultiple)


def test_each_widget_that_is_drawn_in_python_is_compared():
    names = {bound.field.widget.template_name for bound in Every()}
    assert names >= set(_QUICK) - {"django/forms/widgets/input.html"}
    assert forms.widgets.Input().template_name in _QUICK


def test_an_empty_form_and_one_with_faults():
    same(Every())
    drawn = same(Every({"number": "x", "mail": "nobody", "choice": "zzz", "day": "31 February"}))
    controls = {part[1].get("name"): part[1] for part in drawn if isinstance(part, tuple) and "name" in part[1]}
    assert controls["text"]["aria-invalid"] == "true" and controls["text"]["required"] is None
    assert "id_text_helptext" in controls["text"]["aria-describedby"]
    assert controls["mail"]["value"] == "nobody", "what was typed stays"


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(list(Every.base_fields)), st.one_of(texts, st.sampled_from(["", "a", "1", "0", "c"]))))
def test_whatever_was_typed_is_drawn_alike(typed):
    query = QueryDict(mutable=True)
    query.update(typed)
    same(Every(query, initial={"text": 'a"b', "number": 1234, "choice": "a", "lazy": 0}))
    same(Every(initial=typed, prefix="<p>"))


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("listing", [order_listing, refund_listing])
def test_the_filters_of_the_records(starfall, listing, language):
    with translation.override(language):
        for query in ("", "payment=paid&since=2026-01-01&item=%22%3E", "payment=nonsense&until=x&env=1&q=A+B"):
            same(listing(starfall, QueryDict(query)).form)


def ours() -> list[type[forms.BaseForm]]:
    """The forms of the product that need nothing to be made."""
    for app in APPS:
        for file in sorted((Path(django_settings.BASE_DIR) / app).rglob("*.py")):
            if "migrations" not in file.parts and "forms." in file.read_text():
                import_module(".".join(file.relative_to(django_settings.BASE_DIR).with_suffix("").parts))
    found, waiting = set(), [forms.BaseForm]
    while waiting:
        children = waiting.pop().__subclasses__()
        waiting += children
        found |= {each for each in children if each.__module__.split(".")[0] in APPS}
    return sorted(found, key=lambda each: (each.__module__, each.__name__))


def test_the_forms_of_the_product(db):
    compared = []
    for kind in ours():
        try:
            made = kind(), kind({})
        except (TypeError, AttributeError, KeyError, ValueError):
            continue  # it is about an object
        compared.append(kind)
        for form in made:
            same(form)
    assert len(compared) > 15
