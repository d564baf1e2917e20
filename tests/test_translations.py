"""The catalogues of locale/: what they hold fits what the product says. `make messages` renews them."""

import re
from collections.abc import Iterator

import pytest
from babel.messages.catalog import Message
from django.test import Client
from django.utils import translation

from scripts import messages

LOCALES = messages.LOCALES
PLACEHOLDER = re.compile(r"%\(\w+\)\d*[a-zA-Z]|%[sd]|%%")


def forms(text: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [text] if isinstance(text, str) else list(text or ())


def translated(locale: str) -> Iterator[Message]:
    return (message for message in messages.read(locale) if message.id and all(forms(message.string)))


@pytest.mark.parametrize("locale", LOCALES)
def test_a_translation_has_the_placeholders_of_its_text(locale):
    wrong = {}
    for message in translated(locale):
        wanted = sorted(PLACEHOLDER.findall(forms(message.id)[-1]))
        for text in forms(message.string):
            if sorted(PLACEHOLDER.findall(text)) != wanted:
                wrong[str(message.id)] = text
    assert not wrong


@pytest.mark.parametrize("locale", LOCALES)
def test_the_compiled_catalogue_is_that_of_the_text(locale):
    path = messages.catalogue_path(locale)
    text, compiled = messages.written(messages.read(locale))
    assert path.read_bytes() == text
    assert path.with_suffix(".mo").read_bytes() == compiled, "run `make messages`"


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_is_translated(locale):
    texts = [message for message in messages.renewed(locale) if message.id]
    missing = [forms(message.id)[0] for message in texts if not all(forms(message.string) or [""])]
    assert missing == [], "run `make messages` and write what is missing"


def test_texts_of_code_and_of_templates_are_found():
    found = {forms(message.id)[0]: forms(message.id)[-1] for message in messages.texts() if message.id}
    assert "Sign in" in found  # {% translate %}
    assert found["%(number)d item is on sale."] == "%(number)d items are on sale."  # ngettext
    assert "Enter a name. Players read it when they buy." in found  # gettext as _


@pytest.mark.sqlite
@pytest.mark.django_db
def test_the_sign_in_page_is_in_the_language_of_the_browser():
    page = Client().get("/accounts/login/", headers={"accept-language": "zh-CN,zh;q=0.9"})
    assert "登录" in page.text
    assert 'lang="zh-hans"' in page.text


def test_plurals_of_a_language_without_them():
    with translation.override("zh-hans"):
        sentence = translation.ngettext("%(number)d item is on sale.", "%(number)d items are on sale.", 1)
    assert sentence % {"number": 1} == "1 个道具在售。"
