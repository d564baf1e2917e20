"""Backup and restore (docs/operations.md, "Backups"). A backup is a directory: the database, the uploaded files, their sums.

A restored copy gets the name that the processes connect to only after its invariants hold: until then nothing can be delivered
from it.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection, connections
from psycopg import sql

DATABASE, FILES, MANIFEST = "database", "files.tar", "manifest.json"
RESTORING = "_restoring"


class BackupFault(Exception):
    """A sentence for the person at the terminal: what is wrong, and what to do."""


def make(directory: Path, *, now: datetime) -> Path:
    """Write a backup below `directory` and return its own directory, named after the time (UTC). Raises BackupFault.

    The database first: files that are uploaded meanwhile are saved without a row, never the other way round.
    """
    target = directory / f"console-{now:%Y%m%d-%H%M%SZ}"
    target.mkdir(parents=True, mode=0o700)
    _dump(target / DATABASE)
    if _files_are_here():
        with tarfile.open(target / FILES, "w") as archive:
            if settings.MEDIA_ROOT.is_dir():
                archive.add(settings.MEDIA_ROOT, arcname=".")
    sums = {path.name: _sum(path) for path in sorted(target.iterdir())}
    content = {"made_at": now.isoformat(), "database": connection.vendor, "sha256": sums}
    (target / MANIFEST).write_text(json.dumps(content, indent=1))
    return target


def restore(backup: Path, *, check: Callable[[], None]) -> None:
    """Restore to where the settings point, which must be empty. `check` runs on the copy before it gets its name.

    Raises BackupFault, and whatever `check` raises; then the copy is kept beside, and the database of the settings is untouched.
    """
    _verify(backup)
    if not _target_is_empty():
        raise BackupFault(f"The database {_name()} holds data. Rename it, or set another in DATABASE_URL. Nothing was changed.")
    name = _name()
    _load(backup / DATABASE, name + RESTORING)
    try:
        _use(name + RESTORING)
        check()
    finally:
        _use(name)
    _take_over(name + RESTORING, name)
    if (backup / FILES).exists():
        settings.MEDIA_ROOT.mkdir(parents=True, exist_ok=True)
        with tarfile.open(backup / FILES) as archive:
            archive.extractall(settings.MEDIA_ROOT, filter="data")


def _verify(backup: Path) -> None:
    """Raises BackupFault when something is missing, was changed, or belongs to another kind of database."""
    try:
        content = json.loads((backup / MANIFEST).read_text())
        sums = {name: _sum(backup / name) for name in content["sha256"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupFault(f"{backup} is no complete backup: {error}. Take another one.") from error
    changed = [name for name, found in sums.items() if found != content["sha256"][name]]
    if changed:
        raise BackupFault(f"{', '.join(changed)} in {backup} was changed since the backup was made. Take another one.")
    if content["database"] != connection.vendor:
        raise BackupFault(f"The backup is of {content['database']}, DATABASE_URL names {connection.vendor}. Use the same kind.")


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name() -> str:
    return str(connection.settings_dict["NAME"])


def _files_are_here() -> bool:
    """Not so with an S3-compatible store, which keeps versions of its own."""
    return settings.STORAGES["default"]["BACKEND"].endswith("FileSystemStorage")


def _use(name: str) -> None:
    """Let the connection of this process lead to another database of the server."""
    connections.close_all()
    if getattr(connection, "pool", None):
        connection.close_pool()  # type: ignore[attr-defined]
    connection.settings_dict["NAME"] = name


# --- PostgreSQL by its own programs, SQLite by its backup API ----------------------------------------------------------


def _dump(path: Path) -> None:
    if connection.vendor == "sqlite":
        return _copy_sqlite(_name(), str(path))
    _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}", _name())


def _load(path: Path, name: str) -> None:
    if connection.vendor == "sqlite":
        Path(name).unlink(missing_ok=True)
        return _copy_sqlite(str(path), name)
    with _server() as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    _run("pg_restore", "--exit-on-error", "--no-owner", "--no-privileges", f"--dbname={name}", str(path))


def _take_over(copy: str, name: str) -> None:
    """Give the copy the name. What had it is empty."""
    connections.close_all()
    if connection.vendor == "sqlite":
        os.replace(copy, name)
        return
    with _server() as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        server.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(copy), sql.Identifier(name)))


def _target_is_empty() -> bool:
    if connection.vendor == "sqlite":
        return not Path(_name()).exists() or not Path(_name()).stat().st_size
    with _server() as server:
        if not server.execute("SELECT FROM pg_database WHERE datname = %s", [_name()]).fetchall():
            return True
    with psycopg.connect(**_parameters(), dbname=_name()) as target:
        return not target.execute("SELECT FROM pg_tables WHERE schemaname = 'public'").fetchall()


def _copy_sqlite(source: str, target: str) -> None:
    """A consistent copy, also while others write."""
    with closing(sqlite3.connect(source)) as reading, closing(sqlite3.connect(target)) as writing:
        reading.backup(writing)


def _server() -> psycopg.Connection[Any]:
    """The database that every server has, to make and name others from. Raises BackupFault."""
    try:
        return psycopg.connect(**_parameters(), dbname="postgres", autocommit=True)
    except psycopg.OperationalError as error:
        raise BackupFault(f"The server does not let us in: {error}. The role needs the right CREATEDB.") from error


def _parameters() -> dict[str, Any]:
    told = connection.settings_dict
    found = {"host": told["HOST"], "port": told["PORT"], "user": told["USER"], "password": told["PASSWORD"]}
    more = {name: told["OPTIONS"][name] for name in ("sslmode", "sslrootcert") if name in told["OPTIONS"]}
    return {name: value for name, value in (found | more).items() if value}


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL. The password goes through the environment: arguments are seen by everybody on the machine."""
    if not shutil.which(program):
        raise BackupFault(f"{program} is not installed. Install PostgreSQL's client programs, of the server's version or newer.")
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE"}
    told = {names.get(name, f"PG{name.upper()}"): str(value) for name, value in _parameters().items()}
    ran = subprocess.run([program, *arguments], env=os.environ | told, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise BackupFault(f"{program} failed: {ran.stderr.strip()[-500:]}")
