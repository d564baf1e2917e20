"""Listings: days, cursors, masks, cells."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.columns import Column, Kind, cell, mask
from console.export_formats import FORMULA_STARTS, SEPARATORS, guarded, line
from console.filters import Period, months_before, words_of
from console.listing import _masked


@pytest.mark.parametrize(
    ("day", "before"),
    [
        (date(2026, 11, 21), date(2025, 11, 21)),
        (date(2024, 2, 29), date(2023, 2, 28)),
        (date(2026, 1, 31), date(2025, 1, 31)),
        (date(2026, 12, 31), date(2025, 12, 31)),
    ],
)
def test_twelve_months_before(day, before):
    assert months_before(day, 12) == before


def test_a_shorter_month_ends_earlier():
    assert months_before(date(2026, 12, 31), 1) == date(2026, 11, 30)
    assert months_before(date(2026, 3, 31), 1) == date(2026, 2, 28)


def test_days_in_words():
    assert words_of(Period(date(2026, 3, 1), date(2026, 3, 2))) == "1 Mar 2026 to 2 Mar 2026"
    assert words_of(Period(date(2026, 3, 1), date(2026, 3, 1))) == "1 Mar 2026"
    assert words_of(Period(date(2026, 3, 1), None)) == "since 1 Mar 2026"
    assert words_of(Period(None, date(2026, 3, 1))) == "until 1 Mar 2026"


@pytest.mark.parametrize(("text", "shown"), [("", ""), ("short", "s…"), ("player-0001", "pla…0001")])
def test_masks_show_no_whole_id(text, shown):
    assert mask(text) == shown


def test_a_filter_whose_id_cannot_be_made_out_is_masked_whole():
    chip = {"label": "Search: player-0001", "remove_url": ""}
    assert _masked(chip, "player-0001")["label"] == "Search: pla…0001"
    assert _masked(chip, "player-0001,")["label"] == _masked(chip, "")["label"] == "Sea…0001"


def test_a_cell_without_a_value_is_a_dash():
    assert "–" in cell(Column("at", "At", Kind.TIME), {"col_at": None})


def test_a_cell_escapes_its_text_and_its_link():
    column = Column("name", "Name")
    html = cell(column, {"col_name": "<i>"}, '/x"><script>')
    assert "<i>" not in html and "<script>" not in html


@given(st.text())
def test_no_text_of_a_file_begins_like_a_formula(text):
    assert guarded(text)[:1] not in set(FORMULA_STARTS)
    assert guarded(text).replace("'", "") == text.replace("'", "")


@given(st.text(st.sampled_from(f"{SEPARATORS}{FORMULA_STARTS}\" 'x'")))
def test_no_part_of_a_text_begins_like_a_formula_where_a_spreadsheet_may_split_it(text):
    _first, *parts = re.split(f"[{SEPARATORS}]", guarded(text))
    assert not [part for part in parts if part.lstrip(' "')[:1] in set("=+-@＝＋－＠")]
    assert guarded(text).replace("'", "") == text.replace("'", "")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
        ('x;"=1+1;"', 'x;"\'=1+1;"'),
        ("x\t=1;-1", "x\t'=1;'-1"),
        ("\t=1", "'\t'=1"),
        ("a; b\nc - d = e", "a; b\nc - d = e"),
    ],
)
def test_the_apostrophe_stands_before_the_formula(text, written):
    assert guarded(text) == written


def test_a_line_is_quoted_only_where_it_must_be():
    assert line(["a", 'b "c"', "d,e", "f\ng", ""]) == b'a,"b ""c""","d,e","f\ng",\n'
