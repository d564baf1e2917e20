"""What the check of a workbook can find: each cause once, with what is expected and how to mend it."""

from typing import Any, NamedTuple, TypedDict

from django.utils.functional import Promise
from django.utils.translation import gettext as __
from django.utils.translation import gettext_lazy as _

from console.spreadsheets import column_letters


class Cause(NamedTuple):
    """One kind of fault or warning. The texts may use the values of a finding's `more`."""

    title: str | Promise
    expected: str | Promise
    mend: str | Promise
    is_fault: bool = True


class Finding(TypedDict):
    """One cell with a cause, as it is stored. `found` is ready to be shown: nothing in it is invisible."""

    code: str
    row: int
    column: int
    found: str
    more: dict[str, Any]


_AS_TEXT = _("a text")
CAUSES = {
    "id_missing": Cause(
        _("The item ID is missing"), _("an item ID such as gems_100"), _("Enter the ID, or delete the whole row.")
    ),
    "id_characters": Cause(
        _("The item ID has characters that are not allowed"),
        _("1 to 64 of A–Z, a–z, 0–9, hyphen and underscore, without spaces"),
        _("Replace or delete the other characters."),
    ),
    "id_long": Cause(_("The item ID is too long"), _("at most 64 characters"), _("Shorten the ID.")),
    "id_number": Cause(
        _("The item ID is a number"),
        _("a text, because a spreadsheet drops leading zeros of numbers: 00123 becomes 123"),
        _("Format the column as text, then type the ID again with all its digits."),
    ),
    "id_repeated": Cause(
        _("The item ID stands in the list twice"),
        _("each ID once; it stands in cell %(other)s already"),
        _("Delete one of the two rows, or give one another ID."),
    ),
    "id_deleted": Cause(
        _("The item ID was used by a deleted item"),
        _("an ID that was never used; IDs are never free again"),
        _("Choose another ID."),
    ),
    "id_exists": Cause(
        _("An item with this ID exists already"),
        _("only new IDs, because you chose to add new items only"),
        _("Delete the row, choose another ID, or import again with “add new items and update existing ones”."),
    ),
    "id_twin": Cause(
        _("The item ID differs from another one only by capitals"),
        _("IDs that people can tell apart; the other is in cell %(other)s"),
        _("If they are meant to be two items, nothing has to be done."),
        is_fault=False,
    ),
    "under_review": Cause(
        _("The item is under review"),
        _("no change of an item while it is under review"),
        _("Withdraw its release request first, or delete the row."),
    ),
    "name_missing": Cause(
        _("The name is missing"), _("1 to 64 characters that can be seen"), _("Enter the name that players read.")
    ),
    "name_long": Cause(_("The name is too long"), _("at most 64 characters"), _("Shorten the name.")),
    "name_invisible": Cause(
        _("The name has characters that nobody can see"), _("no control characters"), _("Delete them, or type the name again.")
    ),
    "price_missing": Cause(_("The price is missing"), _("a price such as %(example)s"), _("Enter the price.")),
    "price_format": Cause(
        _("The price is not an amount"),
        _("digits with at most one decimal point, such as %(example)s"),
        _("Remove separators, signs, letters and currency symbols."),
    ),
    "price_decimals": Cause(
        _("The price has too many decimals"),
        _("as many decimals as %(currency)s has, such as %(example)s"),
        _("Round the price."),
    ),
    "price_range": Cause(
        _("The price is out of range"), _("a price from %(least)s to %(most)s"), _("Enter a price in that range.")
    ),
    "description_long": Cause(_("The description is too long"), _("at most 1,024 characters"), _("Shorten the description.")),
    "description_invisible": Cause(
        _("The description has characters that nobody can see"),
        _("no control characters"),
        _("Delete them, or type the text again."),
    ),
    "image_absent": Cause(
        _("The image was not uploaded"),
        _("a .zip with this image, uploaded with the workbook"),
        _("Nothing has to be done now: the item is imported without a new image, which can be added on its page."),
        is_fault=False,
    ),
    "image_unknown": Cause(
        _("The .zip has no image of this name"),
        _("the name of a file in the .zip"),
        _("Correct the name, or put the image into the .zip."),
    ),
    "image_bad": Cause(_("The image cannot be used"), "%(told)s", _("Replace the image in the .zip.")),
    "date": Cause(
        _("A date stands where a text or a price is expected"),
        _("no date; spreadsheets turn texts like MAR1 into dates"),
        _("Format the column as text, then type the value again."),
    ),
    "boolean": Cause(_("TRUE or FALSE stands where a text or a price is expected"), _AS_TEXT, _("Type the value again as text.")),
    "error": Cause(_("The cell shows an error"), _("a value"), _("Replace the cell by the value that is meant.")),
    "formula": Cause(
        _("The cell has a formula"),
        _("the value itself"),
        _("Copy the column and paste it in place with “paste values only”."),
    ),
    "merged": Cause(
        _("Cells are merged"), _("one value a cell"), _("Take the merged cells apart (Unmerge) and fill in each of them.")
    ),
    "number": Cause(
        _("A number stands where a text is expected"),
        _("a text; the number was taken as the digits that you see"),
        _("If the digits are right, nothing has to be done."),
        is_fault=False,
    ),
    "hidden": Cause(
        _("The row is hidden"),
        _("rows that you can see"),
        _("Hidden and filtered rows are imported all the same. Delete the row if it is not meant."),
        is_fault=False,
    ),
    "column_unknown": Cause(
        _("The column is not known"),
        _("the columns of the template"),
        _("The column is not imported. Nothing has to be done."),
        is_fault=False,
    ),
}


def finding(code: str, row: int, column: int, found: str, **more: Any) -> Finding:
    """A finding about one cell; `found` is what stands there."""
    return {"code": code, "row": row, "column": column, "found": shown(found), "more": more}


def shown(text: str) -> str:
    """At most 80 characters of a text, with what cannot be seen as its code point."""
    cut = text if len(text) <= 80 else f"{text[:79]}…"
    if cut.isprintable():
        return cut
    return "".join(letter if letter.isprintable() else f"⟨U+{ord(letter):04X}⟩" for letter in cut)


class Told(NamedTuple):
    """A finding in words."""

    cell: str
    found: str
    expected: str
    mend: str

    @property
    def comment(self) -> str:
        """The three sentences for the cell's comment."""
        values = {"found": self.found or __("nothing"), "expected": self.expected, "mend": self.mend}
        return __("Found: %(found)s\nExpected: %(expected)s\nHow to mend: %(mend)s") % values


def told(found: Finding) -> Told:
    """A stored finding in the reader's language."""
    cause = CAUSES[found["code"]]
    cell = f"{column_letters(found['column'])}{found['row']}"
    expected = str(cause.expected) % found["more"] if found["more"] else str(cause.expected)
    return Told(cell, found["found"], expected, str(cause.mend))
