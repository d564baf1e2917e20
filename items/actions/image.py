"""Keep pictures of items: once per mini program and content."""

import structlog
from django.core.files.base import ContentFile
from django.utils.translation import gettext as _

from console.errors import Refused
from console.models import MiniProgram, User
from items.images import Picture
from items.models import ItemImage
from payments.models import owners_of

log = structlog.get_logger(__name__)


def keep(program: MiniProgram, picture: Picture, *, actor: User) -> ItemImage:
    """The stored image of this content, stored now if it is new; a part of add and edit, which check the permission.

    Raises Refused when the store takes no file now.
    """
    name = f"{picture.sha256}.{picture.extension}"
    try:
        image, _created = ItemImage.objects.get_or_create(
            mini_program=program,
            sha256=picture.sha256,
            defaults={
                **owners_of(program),
                "file": ContentFile(picture.content, name),
                "thumbnail": ContentFile(picture.thumbnail, f"thumbnail-{name}"),
                "uploaded_by": actor,
            },
        )
    except OSError as error:
        log.error("image_not_stored", error=str(error))
        raise Refused(
            image=_("The image cannot be stored at the moment, so nothing was saved. Try again in a minute.")
        ) from error
    return image


def store(program: MiniProgram, picture: Picture, *, actor: User) -> ItemImage:
    """Store the files of a picture; the row is not saved, so that an import can write it with its other rows."""
    name = f"{picture.sha256}.{picture.extension}"
    image = ItemImage(**owners_of(program), sha256=picture.sha256, uploaded_by=actor)
    image.file.save(name, ContentFile(picture.content, name), save=False)
    image.thumbnail.save(f"thumbnail-{name}", ContentFile(picture.thumbnail, name), save=False)
    return image
