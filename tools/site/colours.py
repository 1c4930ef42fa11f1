"""Colours of a plot for a dark page: light and dark change places, each hue is what it was."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LIGHTNESS = np.array((0.2126, 0.7152, 0.0722))
_HALF_TURN = 2 * np.array((0.213, 0.715, 0.072))[:, None] - np.eye(3)  # of hues, at the same lightness


def lightness(pixels: Any) -> NDArray[np.float64]:
    """Relative luminance (WCAG 2.2) of colours (…, 3) of 0 to 255.

    >>> float(lightness([255, 255, 255]).round(6))
    1.0
    """
    return np.asarray(linear(np.asarray(pixels) / 255) @ _LIGHTNESS)


def linear(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light of a share of a channel in sRGB."""
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def turned(pixels: Any) -> NDArray[np.float64]:
    """Light for dark, so that WCAG's contrast (L + 0.05) / (L' + 0.05) of two colours (…, 3) stays what it is.

    The hues are those of CSS's ``invert(1) hue-rotate(180deg)``, made as light or as dark as that asks.

    >>> turned([255, 255, 255]).tolist()
    [0.0, 0.0, 0.0]
    """
    pixels = np.asarray(pixels)
    wanted = 1.05 * 0.05 / (lightness(pixels) + 0.05) - 0.05
    opposite = linear(np.clip((1 - pixels / 255) @ _HALF_TURN, 0, 1))
    light = opposite @ _LIGHTNESS
    up = np.clip((wanted - light) / np.maximum(1 - light, 1e-9), 0, 1)[..., None]  # towards white
    down = np.clip(wanted / np.maximum(light, 1e-9), 0, 1)[..., None]  # towards black
    changed = (opposite + up * (1 - opposite)) * down
    encoded = np.where(changed <= 0.0031308, changed * 12.92, 1.055 * changed ** (1 / 2.4) - 0.055)
    return np.asarray(np.abs(encoded) * 255)
