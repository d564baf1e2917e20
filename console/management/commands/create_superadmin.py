"""Make the first account, the super admin; everybody else is invited from the console (docs/operations.md)."""

import getpass
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from console.audit import record
from console.models import User
from console.permissions import THE_PLATFORM, System

SHELL = System("create_superadmin")


class Command(BaseCommand):
    help = "Create the super admin. Asks for a password; with --password-stdin it is read from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("name")
        parser.add_argument("--password-stdin", action="store_true", help="Read the password from standard input.")

    def handle(self, *, email: str, name: str, password_stdin: bool, **_options: Any) -> None:
        email = self._checked(email)
        password = sys.stdin.readline().rstrip("\n") if password_stdin else self._asked()
        try:
            validate_password(password, User(email=email, name=name))
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        self._create(email, name, password)
        self.stdout.write(f"{email} is the super admin. Sign in, and set up the second factor first.")

    def _checked(self, email: str) -> str:
        """Raises CommandError when there is a super admin, or the address is none or taken."""
        existing = User.objects.filter(platform_role="super_admin").first()
        if existing:
            raise CommandError(f"{existing.email} is the super admin; there is only one.")
        try:
            validate_email(email)
        except ValidationError:
            raise CommandError(f"{email!r} is no e-mail address.") from None
        if User.objects.filter(email=email.lower()).exists():
            raise CommandError(f"{email} has an account already.")
        return email.lower()

    def _asked(self) -> str:
        password = getpass.getpass("Password: ")
        if getpass.getpass("Once more: ") != password:
            raise CommandError("The two are not the same.")
        return password

    def _create(self, email: str, name: str, password: str) -> None:
        try:
            with transaction.atomic():
                user = User.objects.create_user(email, password, name=name, platform_role="super_admin")
                changes = {"platform_role": ["", "super_admin"]}
                record("console.user.set_platform_role", user, actor=SHELL, changes=changes, scope=THE_PLATFORM)
        except IntegrityError:
            raise CommandError("Somebody else made the super admin at the same moment.") from None
