"""What the fields of an item may hold: each fault has a sentence."""

import pytest
from django.core.exceptions import ValidationError

from items import rules


@pytest.mark.parametrize("text", ["a", "A-b_9", "x" * 64, "-", "00123"])
def test_ids_that_fit(text):
    assert rules.clean_product_id(text) == text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter an item ID"),
        ("   ", "Enter an item ID"),
        ("my gem", "may not contain a space"),
        ("gem ", "may not contain a space"),
        ("../x", "may not contain “.”"),
        ("é", "may not contain “é”"),
        ("gem\x00", "the invisible character U+0000"),
        ("gem\n", "the invisible character U+000A"),
        ("gem\u200b", "the invisible character U+200B"),
        ("１", "may not contain “１”"),
        ("x" * 65, "has 65 characters; the limit is 64"),
    ],
)
def test_ids_that_do_not_fit_say_why(text, says):
    with pytest.raises(ValidationError) as caught:
        rules.clean_product_id(text)
    assert says in caught.value.messages[0]


@pytest.mark.parametrize("text", ["Gem", "  Gem  ", "宝石", "x" * 64, "Crown 👑", "a\u200db"])
def test_names_that_fit_are_trimmed(text):
    assert rules.clean_name(text) == text.strip()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Enter a name"),
        (" \t ", "Enter a name"),
        ("\u200b\u200b", "Enter a name"),
        ("Gem\x00", "the invisible character U+0000"),
        ("Gem\nstone", "U+000A"),
        ("Gem \u202eevil", "U+202E"),
        ("Gem \u2066x", "U+2066"),
        ("x" * 65, "has 65 characters; the limit is 64"),
    ],
)
def test_names_that_do_not_fit_say_why(text, says):
    with pytest.raises(ValidationError) as caught:
        rules.clean_name(text)
    assert says in caught.value.messages[0]


def test_a_description_keeps_its_lines_and_has_a_limit():
    assert rules.clean_description(" a\r\nb ") == "a\nb"
    assert rules.clean_description("x" * 1024)
    for text, says in (("x" * 1025, "has 1025 characters; the limit is 1024"), ("a\x07b", "U+0007"), ("a\x00", "U+0000")):
        with pytest.raises(ValidationError) as caught:
            rules.clean_description(text)
        assert says in caught.value.messages[0]


@pytest.mark.parametrize(("text", "currency", "minor"), [("9.90", "USD", 990), ("120", "JPY", 120), ("1.234", "KWD", 1234)])
def test_prices_are_entered_in_major_units(text, currency, minor):
    assert rules.clean_price(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("", "USD"), ("0", "USD"), ("0.00", "USD"), ("-1", "USD"), ("1.999", "USD"), ("1e3", "USD"), ("１２", "USD"),
        ("1,000", "USD"), ("$1", "USD"), ("NaN", "USD"), ("1.5", "JPY"), ("1.2345", "KWD"), ("1000000", "USD"),
        ("9" * 500, "USD"), ("\x00", "USD"),
    ],
)  # fmt: skip
def test_prices_that_do_not_fit_say_why(text, currency):
    with pytest.raises(ValidationError) as caught:
        rules.clean_price(text, currency)
    assert caught.value.messages[0].endswith(".")
