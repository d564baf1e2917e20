"""Migrations that make triggers: the database itself watches over what no code may forget."""

from collections.abc import Callable
from typing import Any

from django.db import migrations
from django.db.backends.base.base import BaseDatabaseWrapper


class MakeTriggers(migrations.RunPython):
    """Run `make(connection)`, and `remove(connection)` on the way back. The previous version has to live with them."""

    def __init__(self, make: Callable[[BaseDatabaseWrapper], None], remove: Callable[[BaseDatabaseWrapper], None]) -> None:
        self.functions = (make, remove)
        super().__init__(lambda _apps, editor: make(editor.connection), lambda _apps, editor: remove(editor.connection))

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        """As it was made."""
        return type(self).__name__, list(self.functions), {}
