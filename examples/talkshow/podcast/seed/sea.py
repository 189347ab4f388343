"""A recording without a microphone: the sea, and a horn in the distance.

One swell is computed and repeated, since a migration should not take longer than the sound.
"""

import io
import math
import random
import sys
import wave
from array import array

RATE = 8000
SWELL = 6  # seconds
HORN = (0.8, 2.6)  # seconds within the first swell


def recording(number: int, seconds: int) -> bytes:
    """A WAV file, 16 bit, one channel; the horn's pitch depends on the number."""
    swell = _swell(random.Random(number))
    sound = _with_horn(swell, 98 * 2 ** (number * 2 / 12))
    while len(sound) < seconds * RATE:
        sound.extend(swell)
    return _wav(sound[: seconds * RATE])


def _swell(chance: random.Random) -> array:
    """Noise, smoothed so that it rolls, that comes and goes once."""
    samples, rolling = array("h"), 0.0
    for index in range(SWELL * RATE):
        rolling += 0.16 * (chance.uniform(-1, 1) - rolling)
        strength = 0.18 + 0.82 * math.sin(math.pi * index / (SWELL * RATE)) ** 2
        samples.append(int(26000 * strength * rolling))
    return samples


def _with_horn(swell: array, pitch: float) -> array:
    sound = array("h", swell)
    begin, end = (int(second * RATE) for second in HORN)
    for index in range(begin, end):
        within = (index - begin) / (end - begin)
        turn = math.tau * pitch * index / RATE
        tone = math.sin(turn) + 0.5 * math.sin(2 * turn) + 0.25 * math.sin(3 * turn)
        sound[index] += int(4200 * tone * math.sin(math.pi * within) ** 0.6)
    return sound


def _wav(sound: array) -> bytes:
    if sys.byteorder == "big":
        sound.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(sound.tobytes())
    return file.getvalue()
