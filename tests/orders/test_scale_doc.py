"""docs/scale.md says which unique constraints contain the mini program, and what each statement names."""

import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

KEY = "mini_program"
APPS = ("console", "payments", "items", "orders", "openserver")
#: Who asks for rows of what would be distributed: by a manager, or in SQL.
ASKS = re.compile(
    r"""\b(Order|Refund|Delivery|Attempt|Notification|ArchivedOrder|ArchivedRefund|Rollup|RecentQuarter|LateChange|PriceRefusal|Receiver
    |DeliveryAlert|Item|ItemImage|AuditEntry|Nonce)\.objects\b
    |\b(FROM|INTO|JOIN|UPDATE)\ "?(orders_\w+|items_item|console_auditentry|openserver_nonce)\b""",
    re.X,
)


def read(name: str) -> str:
    return (settings.BASE_DIR / "docs" / name).read_text()


def rows() -> dict[str, tuple[set[str], set[str]]]:
    """By table: the constraints that contain the key, and those that do not, as the document has them."""
    text = read("scale.md")
    part = text[text.index("| Table | Has the key |") : text.index("What Citus does with a statement:")]
    found = {}
    for line in part.splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("| ").split(" | ")]
        for table in re.findall(r"`(\w+)`", cells[0]) if len(cells) == 5 else []:
            found[table] = (set(re.findall(r"`(\w+)`", cells[2])), set(re.findall(r"`(\w+)`", cells[3])))
    return found


def uniques(model: type[models.Model]) -> dict[str, set[str]]:
    """The unique constraints and the primary key by name, with their fields; a field that is unique has its own name."""
    found = {"id" if "id" in (pk := {each.name for each in model._meta.pk_fields}) else "pk": pk}
    found |= {each.name: {each.name} for each in model._meta.concrete_fields if each.unique and not each.primary_key}
    constraints = [each for each in model._meta.constraints if isinstance(each, models.UniqueConstraint)]
    return found | {each.name: set(each.fields) for each in constraints}


MODELS = {model._meta.db_table: model for model in apps.get_models() if model._meta.app_label in APPS}
DOCUMENT = rows()


@pytest.mark.parametrize("table", DOCUMENT)
def test_each_constraint_stands_on_the_side_where_it_belongs(table):
    with_it, without = DOCUMENT[table]
    for name, fields in uniques(MODELS[table]).items():
        if name == "pk":  # of two columns and more
            assert KEY in fields, table
        else:
            assert name in (with_it if KEY in fields else without), f"{table}: {name} ({', '.join(sorted(fields))})"


def test_it_names_no_constraint_that_is_not_there():
    known = {name for table in DOCUMENT for name in uniques(MODELS[table])}
    assert {name for sides in DOCUMENT.values() for side in sides for name in side} <= known


def test_every_table_that_grows_with_orders_is_in_it():
    """Those of orders and of the calls about them, and whatever else carries the key and a constraint of its own."""
    grows = {table for table in MODELS if table.startswith(("orders_", "openserver_"))}
    carries = {
        table
        for table, model in MODELS.items()
        if any(KEY in fields for fields in uniques(model).values()) and not table.startswith("simulator_")
    }
    assert grows | carries <= DOCUMENT.keys()


def test_numbers_count_once_by_constraints_that_contain_the_key():
    """Promise 1 and 7 of docs/reliability.md must survive the distribution."""
    for table, name in (("orders_order", "order_number_once"), ("orders_refund", "refund_number_once")):
        assert KEY in uniques(MODELS[table])[name] and name in DOCUMENT[table][0]
    for table in ("orders_archivedorder", "orders_archivedrefund"):
        assert KEY in uniques(MODELS[table])["pk"]


def statements() -> list[list[str]]:
    """The cells of the table of statements."""
    text = read("scale.md")
    part = text[text.index("| Statement | Names the key |") : text.index('<a id="citus-keys"></a>')]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in part.splitlines()[2:] if line.startswith("| ")]


def test_every_module_that_asks_for_rows_of_a_distributed_table_is_in_the_table_of_statements():
    named = {path for cells in statements() for path in re.findall(r"`([\w/]+\.py)`", cells[0])}
    files = [path for app in APPS for path in (settings.BASE_DIR / app).rglob("*.py") if "migrations" not in path.parts]
    asking = {str(path.relative_to(settings.BASE_DIR)) for path in files if ASKS.search(path.read_text())}
    assert asking <= named, asking - named
    assert [path for path in named if not (settings.BASE_DIR / path).is_file()] == []


def test_each_statement_says_what_citus_does_and_what_is_refused_needs_a_change():
    for name, _key, citus, change in (cells for cells in statements() if not cells[0].startswith("**")):
        assert re.search(r"shard|steps|refused|coordinator|row by row|as the desk", citus), name
        assert "**refused**" not in citus or change != "nothing", name


def test_rates_are_those_of_the_record():
    """A quoted rate stands in the record of docs/performance.md, with its ratio to the limit."""
    quoted = re.findall(r"`(\w+)` (\d+/s) \(([\d.]+ ×)", read("scale.md"))
    assert {name for name, *_numbers in quoted} == {"place_order", "deliver"}
    assert [each for each in quoted if "| `{}` | {} | {}".format(*each) not in read("performance.md")] == []
