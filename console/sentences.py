"""Sentences one after the other."""

from collections.abc import Iterable

FULL_WIDTH = ("。", "！", "？")  # they bring their space along


def joined(sentences: Iterable[object]) -> str:
    """The sentences with a space between them; behind a full-width stop, as Chinese has it, there is none."""
    text = ""
    for sentence in filter(None, map(str, sentences)):
        text += sentence if not text or text.endswith(FULL_WIDTH) else f" {sentence}"
    return text
