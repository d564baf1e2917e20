"""Names that people give: of places, roles and themselves."""

from django.utils.translation import gettext as _

from console.errors import Refused

LONGEST = 100


def checked_name(name: str, *, longest: int = LONGEST) -> str:
    """The name without spaces around it. Raises Refused at `name` when it is empty, too long or holds what cannot be seen."""
    name = name.strip()
    if not 1 <= len(name) <= longest or not name.isprintable():
        raise Refused(name=_("Enter a name of 1 to %(longest)d visible characters.") % {"longest": longest})
    return name
