"""Template tags of the design system (docs/design-system.md lists them with examples).

Each tag is also a plain function that returns safe HTML, so that a listing can render a cell in Python.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.conf import settings
from django.forms import BaseForm, BoundField
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import conditional_escape, escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _
from heroicons import IconDoesNotExist
from heroicons.templatetags.heroicons import heroicon_outline

from console.money import format_money
from console.sentences import joined
from console.templatetags.moments import moment_text
from console.templatetags.state_looks import look_of

register = template.Library()

_TONES_OF_MESSAGES = {"error": "danger", "success": "success", "warning": "warning", "debug": "muted"}
_ICONS_OF_TONES = {
    "danger": "exclamation-circle",
    "warning": "exclamation-triangle",
    "success": "check-circle",
    "info": "information-circle",
    "muted": "information-circle",
}

_NOTHING = SafeString('<span class="muted">–</span>')

# Zones offered in the account menu: one per offset and region that our readers live in, the current one is added.
_ZONES = (
    "Pacific/Honolulu America/Anchorage America/Los_Angeles America/Denver America/Chicago America/Mexico_City "
    "America/New_York America/Bogota America/Sao_Paulo America/Argentina/Buenos_Aires UTC Europe/London Africa/Lagos "
    "Europe/Berlin Europe/Paris Africa/Johannesburg Africa/Cairo Europe/Kyiv Europe/Istanbul Africa/Nairobi "
    "Europe/Moscow Asia/Riyadh Asia/Kuwait Asia/Dubai Asia/Karachi Asia/Tashkent Asia/Kolkata Asia/Dhaka Asia/Bangkok "
    "Asia/Jakarta Asia/Ho_Chi_Minh Asia/Shanghai Asia/Hong_Kong Asia/Taipei Asia/Singapore Asia/Kuala_Lumpur "
    "Asia/Manila Australia/Perth Asia/Tokyo Asia/Seoul Australia/Sydney Pacific/Auckland"
).split()


# Icons and marks


@register.simple_tag
def icon(name: str, size: int = 20) -> SafeString:
    """Return a heroicon (outline) as inline SVG, `size` in CSS pixels; hidden from screen readers.

    An unknown name raises in DEBUG and shows a question mark otherwise: a wrong icon must not take a page down.
    """
    return _icon(str(name) or "question-mark-circle", int(size))


@lru_cache(maxsize=512)
def _icon(name: str, size: int) -> SafeString:
    attributes = {"aria_hidden": "true", "focusable": "false", "class": "icon", "stroke_width": "1.6"}
    try:
        svg = heroicon_outline(name, size=size, **attributes)
    except IconDoesNotExist:
        if settings.DEBUG:
            raise
        svg = heroicon_outline("question-mark-circle", size=size, **attributes)
    return SafeString(re.sub(r">\s+<", "><", svg))


@register.simple_tag
def badge(label: object, tone: str = "muted", icon_name: str = "") -> SafeString:
    """Return a badge: icon, word and colour. Tones: danger, warning, success, muted, info."""
    return _badge(label if hasattr(label, "__html__") else str(label), tone, icon_name)


@lru_cache(maxsize=1024, typed=True)  # safe HTML and the same text are two things
def _badge(label: str, tone: str, icon_name: str) -> SafeString:
    # A page of a list has 150 of them, and few different ones.
    mark = _icon(icon_name, 16) if icon_name else ""
    return format_html('<span class="badge badge-{}">{}{}</span>', tone, mark, label)


@register.simple_tag
def state_badge(obj: Any, field: str = "state") -> SafeString:
    """Return the badge of the state that `obj` holds in `field`, in the words of its choices."""
    value = getattr(obj, field)
    display = getattr(obj, f"get_{field}_display", None)
    return state_mark(value, display() if display else value, field=field)


def state_mark(value: object, label: object, *, field: str = "state") -> SafeString:
    """Return the badge of a state's value with its translated label, for cells rendered in Python."""
    look = look_of(str(value), field=field)
    return badge(label, look.tone, look.icon)


@register.filter
def message_tone(level_tag: str) -> str:
    """Return our tone for the level tag of a Django message."""
    return _TONES_OF_MESSAGES.get(level_tag, "info")


@register.filter
def tone_icon(tone: str) -> SafeString:
    """Return the icon that goes with a tone."""
    return _icon(_ICONS_OF_TONES.get(tone, "information-circle"), 20)


@register.simple_tag
def sentences(*texts: str) -> SafeString:
    """Return sentences one after the other, without a space behind a full-width stop."""
    return SafeString(joined(map(conditional_escape, texts)))


# Money, time, ids


@register.simple_tag
def money(minor: int | None, currency: str) -> SafeString:
    """Return an amount in minor units as `USD 9.90`; an absent amount is a dash."""
    if minor is None:
        return _NOTHING
    tone = " money-negative" if minor < 0 else ""
    return format_html('<span class="money{}">{}</span>', tone, format_money(minor, currency))


@register.simple_tag
def when(moment: datetime | None, seconds: bool = False) -> SafeString:
    """Return a moment in the reader's zone with its offset: `21 Nov 2026, 14:03 (UTC+8)`."""
    if moment is None:
        return _NOTHING
    local = timezone.localtime(moment)
    return _time(moment, f"{moment_text(local, _pattern(get_language(), seconds))} ({offset_label(local)})")


@lru_cache(maxsize=16)  # a page of a list asks a hundred times
def _pattern(_language: str | None, seconds: bool) -> str:
    return pgettext("date format", "j M Y, H:i:s") if seconds else pgettext("date format", "j M Y, H:i")


def _time(moment: datetime, text: str) -> SafeString:
    stamp = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    iso = f"{stamp[:10]}T{stamp[11:]}Z"
    return SafeString(f'<time datetime="{iso}" title="{stamp} UTC">{escape(text)}</time>')


def offset_label(moment: datetime) -> str:
    """Return the offset of an aware moment as people write it: `UTC`, `UTC+8`, `UTC+5:30`."""
    minutes = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '−'}{hours}{f':{rest:02}' if rest else ''}"


@register.simple_tag
def ago(moment: datetime | None) -> SafeString:
    """Return how long ago (or in how long) a moment is, in words: `3 hours ago`, `in 2 days`."""
    if moment is None:
        return _NOTHING
    if moment > timezone.now():
        return _time(moment, _("in %(duration)s") % {"duration": timeuntil(moment, depth=1)})
    return _time(moment, _("%(duration)s ago") % {"duration": timesince(moment, depth=1)})


@register.simple_tag
def waiting(moment: datetime | None) -> SafeString:
    """Return how long something has been waiting since `moment`, in words: `3 hours`."""
    return _time(moment, timesince(moment, depth=1)) if moment else _NOTHING


@register.simple_tag
def copy(text: object, shown: str = "", label: str = "", url: str = "") -> SafeString:
    """Return an id in monospace with a button that copies all of `text`, even where `shown` is shorter.

    With `url` the id is a link, such as the link of a row.
    """
    if text in (None, ""):
        return _NOTHING
    # Put together by hand: two of them stand in each row of a list, and format_html takes four times as long.
    whole = escape(text)
    shown_id = f'<code title="{whole}">{escape(shown) if shown else whole}</code>'
    if url:
        shown_id = f'<a class="row-link truncate" href="{escape(url)}">{shown_id}</a>'
    words = escape(label) if label else _copy_words(get_language()) % {"text": whole}
    told = f'data-copy="{whole}" aria-label="{words}"'
    button = f'<button type="button" class="copy-button needs-js" {told}>{_copy_icons()}</button>'
    return SafeString(f'<span class="copy">{shown_id}{button}</span>')


@lru_cache(maxsize=8)
def _copy_words(_language: str | None) -> str:
    return escape(_("Copy %(text)s"))


@lru_cache(maxsize=1)
def _copy_icons() -> str:
    return _icon("document-duplicate", 16) + _icon("check", 16)


# Forms


@register.simple_tag
def field(bound: BoundField, hint: str | None = None, optional: bool = True) -> SafeString:
    """Return a form field: label, hint, control and errors, tied together for screen readers.

    `hint` replaces the form's help text, "" removes it; `optional` False hides the word "optional" (in filter bars).
    """
    if bound.is_hidden:
        return bound.as_widget()
    if hint is not None:
        bound.help_text = hint  # Django derives the control's aria-describedby from it.
    show_optional = optional and not bound.field.required
    is_check = getattr(bound.field.widget, "input_type", "") == "checkbox" and not bound.use_fieldset
    if not is_check and not bound.use_fieldset:
        return _plain_field(bound, show_optional)
    context = {"field": bound, "hint": bound.help_text, "show_optional": show_optional, "is_check": is_check}
    return render_to_string("components/field.html", context)


def _plain_field(bound: BoundField, show_optional: bool) -> SafeString:
    # Not by a template: a list has ten of them.
    errors = render_to_string("components/field_error.html", {"field": bound}) if bound.errors else ""
    css = conditional_escape("".join([" field-bad" if errors else "", f" {classes}" if (classes := bound.css_classes()) else ""]))
    mark = f'<span class="field-optional">{escape(_("optional"))}</span>' if show_optional else ""
    label = f'<label class="field-label" for="{escape(bound.id_for_label)}">{conditional_escape(bound.label)}{mark}</label>'
    text = conditional_escape(bound.help_text)
    hint = f'<div class="field-hint" id="{escape(bound.auto_id)}_helptext">{text}</div>' if text else ""
    return SafeString(f'<div class="field{css}">{label}{hint}{bound.as_widget()}{errors}</div>')


@register.simple_tag
def error_summary(*forms: BaseForm | None) -> SafeString:
    """Return the summary of every fault of the forms, each linked to its field; nothing when there is none."""
    faults = [fault for form in forms if form is not None and form.is_bound for fault in _faults(form)]
    return render_to_string("components/error_summary.html", {"faults": faults}) if faults else SafeString("")


def _faults(form: BaseForm) -> Iterable[dict[str, str]]:
    for message in form.non_field_errors():
        yield {"id": "", "label": "", "message": str(message)}
    for name, messages in form.errors.items():
        if name in form.fields:
            bound = form[name]
            for message in messages:
                yield {"id": bound.id_for_label or bound.auto_id, "label": str(bound.label), "message": str(message)}


@register.simple_tag
def chip(label: object, remove_url: str = "") -> SafeString:
    """Return a filter in words; with `remove_url` it is a link that removes the filter."""
    if not remove_url:
        return format_html('<span class="chip chip-static">{}</span>', label)
    return format_html(
        '<a class="chip" href="{}"><span class="sr-only">{} </span><span class="truncate">{}</span>{}</a>',
        remove_url,
        _("Remove the filter"),
        label,
        _icon("x-mark", 16),
    )


# Blocks: content with a frame around it


@register.simple_block_tag
def card(content: str, title: str = "", id: str = "", actions: str = "", foot: str = "") -> SafeString:  # noqa: A002
    """Wrap the content in a card; `actions` and `foot` are safe HTML."""
    context = {"content": content, "title": title, "id": id, "actions": actions, "foot": foot}
    return render_to_string("components/card.html", context)


@register.simple_block_tag
def danger(content: str, title: str) -> SafeString:
    """Wrap the content in the panel of a dangerous act."""
    return render_to_string("components/danger.html", {"content": content, "title": title})


@register.simple_block_tag
def banner(content: str, tone: str = "info", title: str = "", icon_name: str = "") -> SafeString:
    """Wrap the content in a banner of the tone."""
    context = {"content": content, "tone": tone, "title": title, "icon_name": icon_name}
    return render_to_string("components/banner.html", context)


@register.simple_block_tag
def table(content: str, caption: str, show_caption: bool = False, modifier: str = "") -> SafeString:
    """Wrap `<thead>` and `<tbody>` in a table with a caption, in a region that scrolls sideways."""
    context = {"content": content, "caption": caption, "show_caption": show_caption, "modifier": modifier}
    return render_to_string("components/table.html", context)


@register.simple_block_tag
def menu(content: str, label: str, icon_name: str = "") -> SafeString:
    """Wrap list items in a menu that opens without JavaScript."""
    return render_to_string("components/menu.html", {"content": content, "label": label, "icon_name": icon_name})


# Time zones of the account menu


@register.simple_tag
def time_zone_options() -> SafeString:
    """Return the time zones to choose from as options, ordered by offset, with the active one selected."""
    return _zone_options(timezone.now().replace(minute=0, second=0, microsecond=0), timezone.get_current_timezone_name())


@lru_cache(maxsize=64)  # the menu stands on every page
def _zone_options(hour: datetime, current: str) -> SafeString:
    zones = sorted((hour.astimezone(ZoneInfo(name)).utcoffset() or timedelta(), name) for name in time_zone_names(current))
    selected = SafeString(" selected")
    options = ((name, selected if name == current else "", _zone_label(offset, name)) for offset, name in zones)
    return format_html_join("", '<option value="{}"{}>{}</option>', options)


def time_zone_names(current: str) -> list[str]:
    """The zones that are offered, with the current one."""
    return [*_ZONES] if current in _ZONES else [*_ZONES, current]


def _zone_label(offset: timedelta, name: str) -> str:
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    place = re.sub("_", " ", name)
    return f"UTC{'-' if minutes < 0 else '+'}{hours:02}:{rest:02} {place}"
