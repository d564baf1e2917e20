"""The table of a listing. Cells are made in Python: Django's template engine takes twelve times as long for 50 rows."""

from typing import TYPE_CHECKING, Any

from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.columns import Column, cell
from console.templatetags.ui import icon

if TYPE_CHECKING:
    from console.listing import Listing

OPEN = {"": "<td>", "num": '<td class="num">', "wrap": '<td class="wrap">'}
#: Cells by column and value.
Worded = dict[tuple[str, Any], SafeString]


def table_head(listing: "Listing") -> SafeString:
    """The cells of the head; a column the list can be sorted by is a link that turns the order."""
    return format_html_join("", "{}", ((_head_cell(listing, column),) for column in listing.shown))


def table_body(listing: "Listing") -> SafeString:
    """The rows of the page."""
    worded: Worded = {}
    return SafeString("".join([f"<tr>{_row(listing, row, worded)}</tr>" for row in listing.page.rows]))


def _head_cell(listing: "Listing", column: Column) -> SafeString:
    css = format_html(' class="{}"', column.css) if column.css else ""
    sorts = [sort for sort in listing.sorts if sort.is_of(column)]
    if len(sorts) < 2:
        return format_html('<th scope="col"{}>{}</th>', css, column.label)
    sort = listing.sort
    current = sort.is_of(column)
    other = next(each for each in sorts if not current or each.descending is not sort.descending)
    direction, mark = SafeString(""), SafeString("")
    if current:
        direction = format_html(' aria-sort="{}"', "descending" if sort.descending else "ascending")
        mark = icon("chevron-down" if sort.descending else "chevron-up", 16)
    url = listing.url(sort="" if other.name == listing.sorts[0].name else other.name)
    return format_html(
        '<th scope="col"{}{}><a href="{}" title="{}">{}{}</a></th>', css, direction, url, other.label, column.label, mark
    )


def _row(listing: "Listing", row: dict[str, Any], worded: Worded) -> str:
    # Cells are safe HTML already (console.columns.cell).
    head, *others = listing.shown
    cells = [f"{OPEN[column.css]}{_cell(column, row, worded)}</td>" for column in others]
    return f'{_tick(listing, row)}<th scope="row">{cell(head, row, listing.row_url(row))}</th>{"".join(cells)}'


def _cell(column: Column, row: dict[str, Any], worded: Worded) -> SafeString:
    if not column.choices:
        return cell(column, row)
    # A page has 150 states, and few different ones.
    key = (column.name, row[column.alias])
    if key not in worded:
        worded[key] = cell(column, row)
    return worded[key]


def _tick(listing: "Listing", row: dict[str, Any]) -> str:
    if not listing.select:
        return ""
    words = escape(_("Select %(row)s") % {"row": listing.row_name(row)})
    return f'<td class="select"><input type="checkbox" name="{listing.select}" value="{row["id"]}" aria-label="{words}"></td>'
