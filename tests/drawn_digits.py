"""Digits drawn by scripted strokes, as a reader draws them: 23 shapes, each in three hands, 69 drawings.

A drawing is a list of strokes, a stroke a list of points (x, y) on a field of 1000 by 1000; y counts downwards.
None of them was used in training, or changed to please a network.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

Point = tuple[float, float]
Stroke = list[Point]


class Drawing(NamedTuple):
    """``digit`` drawn as ``shape`` in the hand ``hand`` with a pen ``pen`` wide."""

    digit: int
    shape: str
    hand: str
    pen: int
    strokes: list[Stroke]


def arc(cx: float, cy: float, rx: float, ry: float, start: float, end: float) -> Stroke:
    """Part of an ellipse; 0 degrees is to the right, 90 below, so growing angles turn clockwise."""
    steps = max(2, int(abs(end - start) / 12))
    angles = [math.radians(start + (end - start) * i / steps) for i in range(steps + 1)]
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


# in a field of 100 by 100
SHAPES: dict[str, tuple[int, list[Stroke]]] = {
    "0 oval": (0, [arc(50, 50, 28, 40, -90, 270)]),
    "0 begun at the right, not quite closed": (0, [arc(50, 50, 33, 38, -50, -390)]),
    "1 bar": (1, [[(50, 10), (50, 90)]]),
    "1 with a flag": (1, [[(35, 26), (52, 10), (52, 90)]]),
    "1 with flag and foot": (1, [[(36, 26), (52, 10), (52, 90)], [(32, 90), (72, 90)]]),
    "2 with a straight foot": (2, [[*arc(50, 33, 26, 23, 190, 385), (24, 90), (78, 90)]]),
    "2 with a loop": (2, [[*arc(48, 33, 24, 23, 200, 400), *arc(34, 80, 14, 9, -30, -330), (80, 88)]]),
    "3 round": (3, [[*arc(47, 30, 24, 20, 200, 450), *arc(47, 70, 28, 20, -90, 160)]]),
    "3 with a flat top": (3, [[(25, 12), (72, 12), (46, 42), *arc(46, 66, 28, 24, -80, 150)]]),
    "4 open": (4, [[(30, 12), (24, 55), (76, 55)], [(66, 14), (66, 90)]]),
    "4 closed": (4, [[(62, 90), (62, 10), (20, 62), (82, 62)]]),
    "4 open and round": (4, [[(26, 14), *arc(44, 42, 20, 13, 180, 60), (70, 46)], [(70, 12), (66, 90)]]),
    "5 in two strokes": (5, [[(32, 12), (28, 46), *arc(46, 65, 27, 24, -120, 140)], [(32, 12), (74, 12)]]),
    "5 in one stroke": (5, [[(74, 14), (34, 14), (31, 44), *arc(48, 65, 25, 23, -110, 150)]]),
    "6 curved": (6, [[(66, 12), *arc(66, 56, 40, 44, -110, -180), *arc(50, 66, 24, 23, 190, -175)]]),
    "6 straight": (6, [[(60, 10), (30, 58), *arc(50, 68, 23, 21, 200, -160)]]),
    "7 plain": (7, [[(22, 14), (76, 14), (44, 90)]]),
    "7 crossed": (7, [[(22, 14), (76, 14), (44, 90)], [(36, 52), (74, 50)]]),
    "7 with a serif": (7, [[(24, 26), (26, 13), (75, 13), (58, 48), (50, 90)]]),
    "8 of two rings": (8, [arc(50, 30, 19, 19, 90, 450), arc(50, 70, 24, 21, -90, 270)]),
    "8 in one stroke": (8, [[*arc(50, 30, 20, 18, -20, -250), *arc(50, 69, 23, 21, -60, 250),
                             *arc(50, 30, 20, 18, 60, -20)]]),
    "9 with a straight stem": (9, [[*arc(48, 34, 22, 22, 0, -360), (70, 36), (66, 90)]]),
    "9 with a tail": (9, [[*arc(48, 33, 23, 21, -10, -350), (71, 36), *arc(48, 66, 23, 24, 0, 140)]]),
}  # fmt: skip


class Hand(NamedTuple):
    """How a shape is put on the field: size, lean (x per y), turn in degrees, place, pen, unsteadiness."""

    width: float
    height: float
    lean: float
    turn: float
    x: float
    y: float
    pen: int
    shake: float


HANDS = {
    "upright, broad pen": Hand(7.6, 7.6, 0.0, 0, 500, 500, 110, 6),
    "slanted, large": Hand(8.0, 9.2, -0.28, 0, 500, 500, 75, 8),
    "small, thin, in a corner": Hand(4.2, 4.6, 0.08, -5, 300, 680, 40, 5),
}


def drawings() -> list[Drawing]:
    """All drawings; the same ones every time."""
    made = []
    for shape, (digit, strokes) in SHAPES.items():
        for hand, (width, height, lean, turn, x, y, pen, shake) in HANDS.items():
            chance = random.Random(f"{shape} {hand}")
            cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
            drawn = []
            for stroke in strokes:
                line = []
                for a, b in stroke:
                    u, v = (a - 50) * width, (b - 50) * height
                    u += lean * v
                    u, v = cos * u - sin * v, sin * u + cos * v
                    line.append((round(x + u + chance.gauss(0, shake)), round(y + v + chance.gauss(0, shake))))
                drawn.append(line)
            made.append(Drawing(digit, shape, hand, pen, drawn))
    return made
