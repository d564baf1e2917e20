"""Moments as text: the same as Django's own date_format, in any language."""

from datetime import UTC, datetime

import pytest
from django.utils.dateformat import format as django_format
from django.utils.safestring import SafeString
from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from console.templatetags.moments import moment_text
from console.templatetags.ui import badge

PATTERNS = ["j M Y, H:i", "j M Y, H:i:s", "Y年n月j日 H:i", "D d.m.Y P", r"j \o\f M", "{Y}"]


@pytest.mark.parametrize("language", ["en", "zh-hans", "de"])
@given(st.datetimes(timezones=st.just(UTC)), st.sampled_from(PATTERNS))
def test_is_what_django_writes(language, moment, pattern):
    with override(language):
        assert moment_text(moment, pattern) == django_format(moment, pattern)


def test_the_months_follow_the_language():
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    with override("de"):
        german = moment_text(moment, "j M Y")
    with override("en"):
        assert german == "1 Mai 2026" and moment_text(moment, "j M Y") == "1 May 2026"


def test_a_badge_that_was_made_of_safe_html_does_not_vouch_for_the_same_text():
    assert "<i>new</i>" in badge(SafeString("<i>new</i>"))
    assert "<i>" not in badge("<i>new</i>")
