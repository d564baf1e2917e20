"""How form controls become HTML: the common ones in Python, because templates take ten times as long for a page of them."""

from collections.abc import Callable, Mapping
from typing import Any

from django.forms.renderers import TemplatesSetting
from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString


class Renderer(TemplatesSetting):
    """Text-like inputs and selects here, everything else by its template."""

    def render(self, template_name: str, context: dict[str, Any], request: Any = None) -> str:
        """The same HTML as the template of this name, apart from white space."""
        quick = _QUICK.get(template_name)
        return SafeString(quick(context["widget"])) if quick else super().render(template_name, context, request)


def _attributes(attributes: Mapping[str, Any]) -> str:
    told = [(name, value) for name, value in attributes.items() if value is not False]
    return "".join(f" {name}" if value is True else f' {name}="{escape(str(value))}"' for name, value in told)


def _input(widget: Mapping[str, Any]) -> str:
    value = "" if widget["value"] is None else f' value="{escape(str(widget["value"]))}"'
    return f'<input type="{widget["type"]}" name="{escape(widget["name"])}"{value}{_attributes(widget["attrs"])}>'


def _select(widget: Mapping[str, Any]) -> str:
    groups = "".join(_group(name, options) for name, options, _index in widget["optgroups"])
    return f'<select name="{escape(widget["name"])}"{_attributes(widget["attrs"])}>{groups}</select>'


def _group(name: Any, options: list[Mapping[str, Any]]) -> str:
    made = "".join(_option(option) for option in options)
    return f'<optgroup label="{escape(str(name))}">{made}</optgroup>' if name else made


def _option(option: Mapping[str, Any]) -> str:
    value, label = escape(str(option["value"])), conditional_escape(option["label"])
    return f'<option value="{value}"{_attributes(option["attrs"])}>{label}</option>'


_INPUTS = ("input", "text", "date", "number", "email", "url", "hidden")
_QUICK: dict[str, Callable[[Mapping[str, Any]], str]] = {
    **{f"django/forms/widgets/{name}.html": _input for name in _INPUTS},
    "django/forms/widgets/select.html": _select,
}
