"""Images of items, served by content and never by a file's name."""

from typing import ClassVar

import structlog
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase

from console.errors import Invisible
from console.permissions import can
from console.views.base import ConsoleView
from items.images import CONTENT_TYPES
from items.models import ItemImage

log = structlog.get_logger(__name__)
#: An image opened by itself must not run anything, whatever a browser makes of its bytes.
SANDBOX = "default-src 'none'; sandbox"
VARIANTS = {"full": "file", "thumbnail": "thumbnail"}
YEAR = 31_536_000  # seconds; the address contains the hash of the content, so it never changes


class ImageFile(ConsoleView):
    """One stored image, in full or as thumbnail; for those who see the items and for the superapp's reviewers."""

    permission: ClassVar[str] = "items.view_item"
    reviewer_permission: ClassVar[str] = "payments.view_approvals"

    def check_permission(self) -> None:
        """Reviewers see the images of what they review. Raises Invisible or Forbidden."""
        if not can(self.actor, self.reviewer_permission, self.container):
            super().check_permission()

    def get(self, request: HttpRequest, app_id: str, sha256: str, variant: str) -> HttpResponseBase:
        """The bytes, with headers that let a browser do nothing but show them."""
        image = ItemImage.objects.filter(mini_program=self.mini_program, sha256=sha256).first()
        if image is None or variant not in VARIANTS:
            raise Invisible
        stored = getattr(image, VARIANTS[variant])
        try:
            opened = stored.open("rb")
        except FileNotFoundError:
            raise Invisible from None
        except OSError as error:
            log.error("image_not_read", error=str(error))
            return HttpResponse(status=503)
        kind = CONTENT_TYPES.get(stored.name.rpartition(".")[2], "application/octet-stream")
        response = FileResponse(opened, content_type=kind)
        response.headers["Cache-Control"] = f"private, max-age={YEAR}, immutable"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Content-Security-Policy"] = SANDBOX
        return response
