"""`make messages`: read every text of the product into the catalogues of locale/, and compile them.

Babel and Django's own reader of templates do it, so that no GNU gettext has to be installed. A text that is no longer used leaves
the catalogue. docs/adding-a-verb.md says when to run it; tests/test_translations.py says what is missing.
"""

import io
import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
os.environ.setdefault("DEBUG", "1")

from babel.messages.catalog import Catalog  # noqa: E402
from babel.messages.extract import extract  # noqa: E402
from babel.messages.mofile import write_mo  # noqa: E402
from babel.messages.pofile import read_po, write_po  # noqa: E402
from django.utils.translation.template import templatize  # noqa: E402

PACKAGES = ("console", "payments", "items", "orders", "openserver", "simulator")
LOCALES = ("zh_Hans",)
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    **dict.fromkeys(("_", "__", "_now", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
}
CALL = re.compile(r"""(?:n?p?gettext|\b_)\((?:[^'"()]|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")*\)""")
HEAD = "# Texts of the payment console. Written by `make messages`; translations are by hand.\n#"


def catalogue_path(locale: str) -> Path:
    return ROOT / "locale" / locale / "LC_MESSAGES" / "django.po"


def _sources() -> Iterator[tuple[str, str]]:
    """Yield (file, its text as Python) of all code and templates, in the order of their names."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), path.read_text()
    for path in sorted((ROOT / "templates").rglob("*.*")):
        # Django turns a template into calls among filler that is no Python; only the calls are kept.
        yield str(path.relative_to(ROOT)), "\n".join(CALL.findall(templatize(path.read_text(), origin=str(path))))


def texts() -> Catalog:
    """Every text that goes through gettext, with the files that use it."""
    catalog = Catalog()
    for name, source in _sources():
        for _line, message, _comments, context in extract("python", io.BytesIO(source.encode()), keywords=KEYWORDS):
            catalog.add(message, locations=[(name, 0)], context=context)
    return catalog


def read(locale: str) -> Catalog:
    path = catalogue_path(locale)
    if not path.exists():
        return Catalog(locale=locale)
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def renewed(locale: str) -> Catalog:
    """The catalogue of `locale` with today's texts: known translations kept, nothing guessed."""
    known, catalog = read(locale), Catalog(locale=locale, header_comment=HEAD, fuzzy=False)
    for message in texts():
        if message.id:
            old = known.get(message.id, message.context)
            string = old.string if old else None
            catalog.add(message.id, string, locations=sorted(set(message.locations)), context=message.context)
    return catalog


def written(catalog: Catalog) -> tuple[bytes, bytes]:
    """Return the catalogue as text (.po) and compiled (.mo), the same bytes for the same content."""
    # A true date would change the file each time.
    catalog.revision_date = catalog.creation_date = datetime(2026, 1, 1, tzinfo=UTC)
    text, compiled = io.BytesIO(), io.BytesIO()
    write_po(text, catalog, width=120, sort_output=True, include_lineno=False, omit_header=False)
    write_mo(compiled, catalog)
    return text.getvalue(), compiled.getvalue()


def main() -> int:
    for locale in LOCALES:
        catalog, path = renewed(locale), catalogue_path(locale)
        text, compiled = written(catalog)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        path.with_suffix(".mo").write_bytes(compiled)
        missing = sum(1 for message in catalog if message.id and not _complete(message.string))
        print(f"{locale}: {len(catalog)} texts, {missing} without translation")
    return 0


def _complete(string: str | tuple[str, ...] | list[str] | None) -> bool:
    return all([string] if isinstance(string, str) else string or [""])


if __name__ == "__main__":
    sys.exit(main())
