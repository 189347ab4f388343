"""Covers for episodes that have none, and the shape of a recording: drawn, the same each time."""

import math
import random
from dataclasses import dataclass

# Sky from top to bottom, the light, and the sea from far to near.
PALETTES = [
    ("#f4d9b0", "#e98a5b", "#fff3d6", ("#3f6c7c", "#24495e", "#132c42")),
    ("#cfe3df", "#88b5b5", "#fffaf0", ("#3d7a80", "#1f5560", "#123a47")),
    ("#2b3a67", "#6b4f7c", "#f6c667", ("#22315c", "#182445", "#0f1830")),
    ("#f7e8d0", "#d9b48a", "#d8492b", ("#6d7f78", "#43574f", "#26362f")),
    ("#dfe6f3", "#9fb4d6", "#ffffff", ("#5f7fb0", "#39588a", "#203a63")),
    ("#ffd9c7", "#d96c75", "#fff0c9", ("#7b3b58", "#532745", "#301630")),
    ("#d9ead0", "#8fbf9a", "#fdf6d3", ("#3f7f6c", "#275a4d", "#143b33")),
]

SIZE = 400
SEA = 240


@dataclass(frozen=True)
class Cover:
    """What the template needs to draw a cover."""

    sky: str
    horizon: str
    light: str
    light_x: int
    light_y: int
    light_r: int
    waves: list[tuple[str, str]]


def cover(number: int) -> Cover:
    """A light above a sea; neighbours never look alike."""
    chance = random.Random(number)
    sky, horizon, light, sea = PALETTES[number % len(PALETTES)]
    waves = [
        (colour, _wave(chance, SEA + 52 * index, 10 + 4 * index))
        for index, colour in enumerate(sea)
    ]
    return Cover(
        sky=sky,
        horizon=horizon,
        light=light,
        light_x=chance.randrange(90, 310),
        light_y=chance.randrange(110, 200),
        light_r=chance.randrange(34, 62),
        waves=waves,
    )


def _wave(chance: random.Random, top: int, height: int) -> str:
    """A path from the left edge to the right and down around the rest."""
    phase, length = chance.uniform(0, math.tau), chance.uniform(90, 170)
    points = [
        f"{x},{top + height * math.sin(phase + x / length * math.tau):.1f}"
        for x in range(0, SIZE + 1, 10)
    ]
    return f"M{' L'.join(points)} V{SIZE} H0 Z"


def loudness(number: int, bars: int = 96) -> list[tuple[int, int, int]]:
    """Left, top and height of each bar below a line at 100: swells, as the sea has them."""
    chance = random.Random(1000 + number)
    first, second = chance.uniform(5, 9), chance.uniform(17, 29)
    heights = (
        54
        + 26 * math.sin(index / first + number)
        + 12 * math.sin(index / bars * second)
        + chance.uniform(-14, 14)
        for index in range(bars)
    )
    whole = (max(8, min(100, round(height))) for height in heights)
    return [(4 * index, 100 - height, height) for index, height in enumerate(whole)]
