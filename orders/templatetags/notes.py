"""Stored notes in the reader's language."""

from django import template

from orders.wording import in_words

register = template.Library()
register.filter("in_words", in_words)
