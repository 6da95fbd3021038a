"""Chains for common jobs, as expressions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

Preset = Literal[
    "podcast_voice",
    "master_gentle",
    "telephone",
    "radio",
    "lofi",
    "vinyl",
    "room",
    "hall",
    "slapback",
    "wide",
    "bass_boost",
]

PRESETS: Mapping[Preset, str] = MappingProxyType(
    {
        "podcast_voice": "highpass 80, highpass 80, noise_gate -55 2 release=250, peak 250 -2 1, "
        "compressor -24 3 8 120, peak 3500 2.5 0.8, high_shelf 10k 1.5, gain 4, brickwall_limiter -1",
        "master_gentle": "highpass 25, low_shelf 90 0.8, compressor -16 1.5 30 250, high_shelf 11k 0.8, "
        "gain 1.5, brickwall_limiter -1 true_peak",
        "telephone": "highpass 300, highpass 300, highpass 300, lowpass 3400, lowpass 3400, lowpass 3400, "
        "compressor -25 6 2 80, resample 8000, bitcrush 9, gain 4",
        "radio": "highpass 400, highpass 400, lowpass 5k, lowpass 5k, distortion 8 mix=40%, "
        "compressor -22 5 2 80, gain 3",
        "lofi": "highpass 90, lowpass 5k, lowpass 7k, bitcrush 11, resample 16k, chorus 0.4 0.15 mix=30%, "
        "compressor -22 3, low_shelf 150 2",
        "vinyl": "highpass 40, lowpass 12k, low_shelf 120 1.5, distortion 5 mix=20%, chorus 0.55 0.05 mix=25%",
        "room": "reverb 0.25 wet=18% dry=80% damping=60%",
        "hall": "(dry + highpass 200 > reverb 0.85 wet=30% dry=0 damping=40%)",
        "slapback": "delay 110ms 15% mix=30%",
        "wide": "(dry + highpass 250 > chorus 0.3 0.3 12 mix=1 > gain -6)",
        "bass_boost": "low_shelf 100 5, brickwall_limiter -1",
    }
)
