"""Files in an S3-compatible store instead of the file system (docs/operations.md, "Files").

Nothing is public there: pages read an object and serve it with headers of their own.
"""

from datetime import datetime
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from storages.backends.s3 import S3Storage

CONNECT, READ = 5, 20  # seconds
IN_MEMORY = 5 * 1024 * 1024  # bytes of a file that is read; more goes to a temporary file


class Bucket(S3Storage):
    """The bucket of the settings. A store that does not answer, or refuses, raises OSError like a disk that is full."""

    def get_default_settings(self) -> dict[str, Any]:
        """What the settings say, and what keeps other makes than Amazon's content."""
        found: dict[str, Any] = settings.S3
        # Checksums in trailers, which botocore sends by default, are refused by many S3-compatible stores.
        config = Config(
            connect_timeout=CONNECT,
            read_timeout=READ,
            retries={"max_attempts": 2},
            signature_version="s3v4",
            s3={"addressing_style": found["addressing_style"]},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        ours = {"default_acl": None, "file_overwrite": False, "max_memory_size": IN_MEMORY, "client_config": config}
        return super().get_default_settings() | found | ours

    def _open(self, name: str, mode: str = "rb") -> File:
        try:
            return super()._open(name, mode)
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"{name} cannot be read from the store: {error}") from error

    def _save(self, name: str, content: File) -> str:
        try:
            return super()._save(name, content)
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"{name} cannot be written to the store: {error}") from error

    def exists(self, name: str) -> bool:
        """Whether there is an object of this name. Raises OSError."""
        try:
            return super().exists(name)
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"The store does not say whether it has {name}: {error}") from error

    def get_modified_time(self, name: str) -> datetime:
        """When the object was stored, by the clock of the store. Raises OSError."""
        try:
            return super().get_modified_time(name)
        except (BotoCoreError, ClientError) as error:
            raise OSError(f"The store does not say when it got {name}: {error}") from error
