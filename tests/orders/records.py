"""Orders and refunds as rows, for tests of the pages that show them."""

from django.utils import timezone

from orders.models import Order, Refund
from payments.models import owners_of


def place(program, number, **fields):
    """An order of 990 minor units."""
    values = {"open_id": "player-0001-abcd", "amount": 990, "currency": "USD", "product_id": "gem", "product_name": "Gem"}
    return Order.objects.create(**owners_of(program), out_trade_no=number, **(values | fields))


def give_back(order, number, **fields):
    """A refund of 100 minor units of the order."""
    values = {"amount": 100, "currency": order.currency, "open_id": order.open_id, "started_at": timezone.now()}
    return Refund.objects.create(
        **owners_of(order.mini_program), order=order, refund_no=number, out_trade_no=order.out_trade_no, **(values | fields)
    )


def numbers(response):
    """The numbers of the rows on a page, in its order."""
    return [row["col_number"] for row in response.context["listing"].page.rows]
