"""docs/scale.md says which unique constraints contain the mini program. It says what the models have."""

import re

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models

KEY = "mini_program"
APPS = ("console", "payments", "items", "orders", "openserver")


def rows() -> dict[str, tuple[set[str], set[str]]]:
    """By table: the constraints that contain the key, and those that do not, as the document has them."""
    text = (settings.BASE_DIR / "docs" / "scale.md").read_text()
    part = text[text.index("| Table | Has the key |") : text.index("Statement by statement:")]
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
