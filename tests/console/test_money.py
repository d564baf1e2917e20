"""Minor units in, major units out, and every wrong amount gets a sentence."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.money import (
    MAX_PRICE,
    MoneyError,
    check_price,
    currencies,
    exponent,
    format_money,
    is_currency,
    parse_major,
    parse_price,
    to_major,
)


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [("JPY", 0), ("KRW", 0), ("USD", 2), ("CNY", 2), ("KWD", 3), ("BHD", 3), ("CLF", 4), ("IQD", 3), ("MGA", 2), ("LAK", 2)],
)
def test_exponent_is_iso_4217_and_not_what_cldr_shows(currency, decimals):
    if currency != "CLF":  # a unit of account, nobody pays with it
        assert exponent(currency) == decimals
    else:
        assert not is_currency("CLF")


@pytest.mark.parametrize(
    ("minor", "currency", "shown"),
    [
        (990, "USD", "USD 9.90"),
        (123450, "USD", "USD 1,234.50"),
        (1235, "JPY", "JPY 1,235"),
        (9900, "KWD", "KWD 9.900"),
        (0, "USD", "USD 0.00"),
        (-50, "USD", "USD -0.50"),
        (99_999_999, "CNY", "CNY 999,999.99"),
    ],
)
def test_money_is_shown_with_currency_grouping_and_all_decimals(minor, currency, shown):
    assert format_money(minor, currency) == shown


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("9.90", "USD", 990),
        ("9.9", "USD", 990),
        (" 9 ", "USD", 900),
        ("0.01", "USD", 1),
        ("007", "USD", 700),
        ("120", "JPY", 120),
        ("1.234", "KWD", 1234),
        ("0", "USD", 0),
    ],
)
def test_major_units_are_read_exactly(text, currency, minor):
    assert parse_major(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "said"),
    [
        ("", "USD", "There is no amount"),
        ("   ", "USD", "There is no amount"),
        ("-1", "USD", "negative"),
        ("−1", "USD", "negative"),
        ("1.999", "USD", "too many decimals"),
        ("1.5", "JPY", "has none"),
        ("1.0", "JPY", "has none"),
        ("1.2345", "KWD", "too many decimals"),
        ("1e3", "USD", "scientific notation"),
        ("１２", "USD", "another script"),
        ("٣", "USD", "another script"),
        ("1,000", "USD", "separator"),
        ("9,90", "USD", "separator"),
        ("1 000", "USD", "separator"),
        ("1_000", "USD", "separator"),
        ("$1", "USD", "currency sign"),
        ("USD1", "USD", "letters"),
        ("NaN", "USD", "letters"),
        ("Infinity", "USD", "letters"),
        (".5", "USD", "not an amount"),
        ("5.", "USD", "not an amount"),
        ("1.2.3", "USD", "not an amount"),
        ("+1", "USD", "not an amount"),
        ("1\x00", "USD", "not an amount"),
        ("9" * 5000, "USD", "5000 digits"),
    ],
)
def test_a_wrong_amount_is_named_and_mended(text, currency, said):
    with pytest.raises(MoneyError) as caught:
        parse_major(text, currency)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("minor", [0, -1, MAX_PRICE + 1])
def test_a_price_outside_the_bounds_is_refused(minor):
    with pytest.raises(MoneyError, match="from USD 0.01 to USD 999,999.99"):
        check_price(minor, "USD")


@pytest.mark.parametrize("minor", [1, MAX_PRICE])
def test_the_bounds_themselves_are_prices(minor):
    assert check_price(minor, "USD") == minor


def test_a_price_of_zero_is_an_amount_but_no_price():
    assert parse_major("0.00", "USD") == 0
    with pytest.raises(MoneyError, match="USD 0.00 is out of range"):
        parse_price("0.00", "USD")


@pytest.mark.parametrize(("code", "shown"), [("HRK", "HRK 9.90"), ("ANG", "ANG 9.90"), ("MRO", None), ("DEM", None)])
def test_what_was_sold_in_a_currency_that_has_ended_since_is_still_shown(code, shown):
    """Nobody chooses it any more; one that ended before there were orders is as unknown as ever."""
    assert not is_currency(code) and code not in currencies()
    if shown:
        assert format_money(990, code) == shown
    else:
        with pytest.raises(MoneyError):
            format_money(990, code)


@pytest.mark.parametrize("code", ["usd", "US", "", "DEM", "XXX", "ZZZ", "USD ", None])
def test_what_is_no_currency_in_use_is_refused(code):
    assert not is_currency(code)
    with pytest.raises(MoneyError, match="not a currency in use"):
        exponent(code)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**15 - 1), st.sampled_from(["USD", "JPY", "KWD", "CNY"]))
def test_what_is_shown_can_be_typed_again(minor, currency):
    assert parse_major(f"{to_major(minor, currency):f}", currency) == minor
    assert to_major(minor, currency) * 10 ** exponent(currency) == Decimal(minor)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_a_sentence(text):
    try:
        assert parse_major(text, "USD") >= 0
    except MoneyError as error:
        assert str(error).endswith(".")
