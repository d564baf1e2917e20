"""Small pictures for the items on sale, drawn with Pillow, so that the demo needs no files."""

import io
import math
import random
from collections.abc import Callable

from django.core.files.base import ContentFile
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from items.images import Picture, read_picture

SIZE = (480, 360)
SCALE = 2  # drawn larger and made smaller: edges without steps
Colour = tuple[int, int, int]
PALETTES: dict[str, tuple[Colour, Colour, Colour]] = {
    "night": ((18, 20, 58), (88, 64, 168), (250, 222, 140)),
    "aurora": ((10, 42, 66), (38, 166, 140), (196, 255, 214)),
    "dusk": ((60, 18, 66), (226, 98, 92), (255, 214, 165)),
    "sea": ((8, 44, 84), (60, 148, 196), (255, 244, 214)),
    "rose": ((78, 16, 58), (216, 84, 140), (255, 226, 236)),
    "gold": ((84, 46, 8), (222, 158, 48), (255, 240, 190)),
    "fox": ((66, 30, 22), (228, 122, 52), (255, 236, 214)),
    "stone": ((34, 40, 52), (116, 128, 148), (238, 242, 248)),
}


def draw(motif: str, palette: str) -> Picture:
    """A picture of the motif ("gems", "card", "moon", "fox", "chest", "book", "board", "ticket"), as an upload would be kept."""
    dark, light, bright = PALETTES[palette]
    image = _sky(dark, light, seed=f"{motif}{palette}")
    MOTIFS[motif](image, bright, light)
    out = io.BytesIO()
    image.resize(SIZE, Image.Resampling.LANCZOS).save(out, "PNG")
    return read_picture(ContentFile(out.getvalue(), f"{motif}.png"))


def _sky(dark: Colour, light: Colour, *, seed: str) -> Image.Image:
    size = (SIZE[0] * SCALE, SIZE[1] * SCALE)
    image = ImageOps.colorize(Image.linear_gradient("L").resize(size), dark, light)
    chance, pen = random.Random(seed), ImageDraw.Draw(image)
    for _star in range(70):
        x, y, r = chance.randrange(size[0]), chance.randrange(size[1] * 3 // 4), chance.choice((1, 1, 2, 3))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(255, 255, 255))
    glow = Image.new("L", size, 0)
    middle, reach = (size[0] // 2, size[1] // 2), size[1] // 3
    ImageDraw.Draw(glow).ellipse((middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach), fill=90)
    image.paste((255, 255, 255), mask=glow.filter(ImageFilter.GaussianBlur(70)))
    return image


def _gem(pen: ImageDraw.ImageDraw, x: int, y: int, r: int, bright: Colour, light: Colour) -> None:
    top = [(x - r, y), (x - r // 2, y - r * 2 // 3), (x + r // 2, y - r * 2 // 3), (x + r, y)]
    pen.polygon([*top, (x, y + r)], fill=bright)
    pen.polygon([(x - r, y), (x - r // 3, y), (x, y + r)], fill=light)
    pen.polygon([top[1], top[2], (x + r // 3, y), (x - r // 3, y)], fill=(255, 255, 255))
    pen.line([*top, (x, y + r), (x - r, y), (x + r, y)], fill=light, width=4, joint="curve")


def _gems(image: Image.Image, bright: Colour, light: Colour) -> None:
    pen = ImageDraw.Draw(image)
    for x, y, r in ((300, 400, 110), (660, 400, 110), (480, 330, 170)):
        _gem(pen, x, y, r, bright, light)


def _moon(image: Image.Image, bright: Colour, _light: Colour) -> None:
    mask = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(mask)
    pen.ellipse((300, 180, 660, 540), fill=255)
    pen.ellipse((400, 140, 740, 480), fill=0)
    image.paste(bright, mask=mask)


def _card(image: Image.Image, bright: Colour, light: Colour) -> None:
    for turn, shift in ((14, -120), (-12, 120), (0, 0)):
        card = Image.new("RGBA", (280, 400), (0, 0, 0, 0))
        pen = ImageDraw.Draw(card)
        pen.rounded_rectangle((4, 4, 276, 396), 28, fill=bright, outline=light, width=8)
        pen.rounded_rectangle((28, 28, 252, 372), 18, outline=light, width=4)
        _gem(pen, 140, 190, 72, light, bright)
        card = card.rotate(turn, expand=True, resample=Image.Resampling.BICUBIC)
        image.paste(card, (480 + shift - card.width // 2, 360 - card.height // 2), card)


def _fox(image: Image.Image, bright: Colour, light: Colour) -> None:
    pen = ImageDraw.Draw(image)
    for side in (-1, 1):
        pen.polygon([(480 + side * 190, 160), (480 + side * 40, 300), (480 + side * 200, 380)], fill=light)
        pen.polygon([(480 + side * 170, 215), (480 + side * 80, 300), (480 + side * 170, 345)], fill=bright)
    pen.polygon([(270, 350), (480, 260), (690, 350), (480, 600)], fill=light)
    pen.polygon([(300, 390), (480, 430), (660, 390), (480, 600)], fill=bright)
    for x in (400, 560):
        pen.ellipse((x - 18, 375, x + 18, 411), fill=(30, 24, 28))
    pen.ellipse((456, 556, 504, 596), fill=(30, 24, 28))


def _chest(image: Image.Image, bright: Colour, light: Colour) -> None:
    pen = ImageDraw.Draw(image)
    pen.pieslice((270, 180, 690, 560), 180, 360, fill=light, outline=bright, width=10)
    pen.rounded_rectangle((270, 360, 690, 560), 20, fill=light, outline=bright, width=10)
    pen.rectangle((270, 352, 690, 376), fill=bright)
    pen.rounded_rectangle((440, 330, 520, 430), 14, fill=bright)
    pen.ellipse((462, 352, 498, 388), fill=(40, 30, 20))


def _book(image: Image.Image, bright: Colour, light: Colour) -> None:
    pen = ImageDraw.Draw(image)
    pen.polygon([(480, 240), (230, 200), (230, 520), (480, 570)], fill=bright)
    pen.polygon([(480, 240), (730, 200), (730, 520), (480, 570)], fill=(255, 255, 255))
    for line in range(6):
        y = 280 + line * 42
        pen.line([(260, y - 18), (450, y + 12)], fill=light, width=8)
        pen.line([(510, y + 12), (700, y - 18)], fill=light, width=8)
    pen.line([(480, 240), (480, 570)], fill=light, width=8)


def _board(image: Image.Image, bright: Colour, light: Colour) -> None:
    pen = ImageDraw.Draw(image)
    for row in range(4):
        for column in range(4):
            x, y = 300 + column * 90, 180 + row * 90
            pen.rectangle((x, y, x + 90, y + 90), fill=bright if (row + column) % 2 else light)
    pen.rectangle((300, 180, 660, 540), outline=(255, 255, 255), width=6)


def _ticket(image: Image.Image, bright: Colour, light: Colour) -> None:
    pen = ImageDraw.Draw(image)
    pen.rounded_rectangle((220, 230, 740, 500), 30, fill=bright)
    for y in (248, 482):
        for x in range(250, 730, 40):
            pen.ellipse((x, y - 8, x + 16, y + 8), fill=light)
    points = []
    for step in range(10):
        reach, angle = (80 if step % 2 == 0 else 34), math.pi * step / 5 - math.pi / 2
        points.append((480 + reach * math.cos(angle), 365 + reach * math.sin(angle)))
    pen.polygon(points, fill=light)


MOTIFS: dict[str, Callable[[Image.Image, Colour, Colour], None]] = {
    "gems": _gems, "moon": _moon, "card": _card, "fox": _fox, "chest": _chest, "book": _book, "board": _board, "ticket": _ticket,
}  # fmt: skip
