"""Writes `sample-data/demand-week.csv`: what the digits service was asked for in one week, minute by minute.

A request is one 32×32 window to classify; the form reader slides over every handwritten field, about 2,500
windows a form. The curve has working days and a quiet week-end, a morning and an afternoon peak, noise that
lasts some minutes, and bursts when a customer uploads a backlog. It is scaled so that the fleet in the bill
(eight c7i.2xlarge) is a quarter used on average.
"""

from __future__ import annotations

import argparse
import csv
import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

SEED = 20261101
START = datetime(2026, 10, 19, tzinfo=UTC)
MINUTES = 7 * 24 * 60

# Eight instances of 8 vCPU. Two vCPU share a core's vector units, so one single-threaded session a core is all
# there is: 4 sessions an instance, each about 2,000 windows a second (digits-cnn.onnx, fp32, batch 1, measured
# with ONNX Runtime 1.31.1 on a Sapphire Rapids core, the processor of the c7i family).
FLEET_SESSIONS = 8 * 4
SESSION_REQUESTS_PER_SECOND = 2_000
MEAN_UTILISATION = 0.25

# Load at each hour of a working day (UTC), relative to its mean: customers in Europe, then in the Americas.
# Between the hours it is interpolated.
WORKING_DAY = (
    *(0.50, 0.44, 0.42, 0.43, 0.48, 0.58, 0.78, 1.02),
    *(1.28, 1.45, 1.50, 1.45, 1.38, 1.42, 1.50, 1.48),
    *(1.40, 1.28, 1.14, 1.00, 0.88, 0.76, 0.66, 0.57),
)
WEEKEND = 0.38
# Monday brings the week-end's post, Friday ends early.
WEEKDAYS = (1.10, 1.04, 1.00, 1.02, 0.92, WEEKEND, WEEKEND * 0.9)
# Uploads of a backlog: how many on a working day, on average.
BURSTS_PER_DAY = 2.2
# The one that the fleet was sized for comes on Thursday: 10:40, three quarters of the fleet.
BIG_BURST = 3 * 24 * 60 + 10 * 60 + 40
BIG_BURST_UTILISATION = 0.75


def season(minute: int) -> float:
    """The expected load of a minute of the week, relative."""
    day, in_day = divmod(minute, 24 * 60)
    hour, rest = divmod(in_day, 60)
    here, there = WORKING_DAY[hour], WORKING_DAY[(hour + 1) % 24]
    level = here + (there - here) * rest / 60
    # Days blend into each other over midnight instead of stepping.
    blend = max(0.0, (in_day - 22 * 60) / (2 * 60)) * 0.5 + max(0.0, (2 * 60 - in_day) / (2 * 60)) * 0.5
    neighbour = (day + 1) % 7 if in_day > 12 * 60 else (day - 1) % 7
    return level * (WEEKDAYS[day] * (1 - blend) + WEEKDAYS[neighbour] * blend)


def bursts(rng: random.Random) -> list[float]:
    """Factor ≥ 1 for each minute: sudden rise, exponential decay."""
    factor = [1.0] * MINUTES
    for minute in range(MINUTES):
        day, in_day = divmod(minute, 24 * 60)
        working = day < 5 and 6 * 60 <= in_day < 19 * 60
        if working and rng.random() < BURSTS_PER_DAY / (13 * 60):
            add_burst(factor, minute, height=rng.uniform(0.12, 0.42), fade=rng.uniform(4, 18))
    return factor


def add_burst(factor: list[float], start: int, height: float, fade: float) -> None:
    """Raise the factor by `height` at `start`, fading with a time constant of `fade` minutes."""
    for minute in range(start, min(MINUTES, start + int(6 * fade))):
        factor[minute] += height * math.exp(-(minute - start) / fade)


def week() -> list[int]:
    """Requests in each minute."""
    rng = random.Random(SEED)
    factor = bursts(rng)
    level, relative = 0.0, []
    for minute in range(MINUTES):
        # First-order autoregression: a busy minute is followed by a busy minute.
        level = 0.85 * level + rng.gauss(0, 0.025)
        relative.append(season(minute) * factor[minute] * math.exp(level + rng.gauss(0, 0.02)))
    capacity = FLEET_SESSIONS * SESSION_REQUESTS_PER_SECOND
    scale = MEAN_UTILISATION * capacity * MINUTES / sum(relative)
    # The big burst is set in the fleet's terms, after scaling; it lifts the week's mean by about a third of a percent.
    missing = BIG_BURST_UTILISATION * capacity / (relative[BIG_BURST] * scale) - 1
    big = [1.0] * MINUTES
    add_burst(big, BIG_BURST, height=missing, fade=11)
    return [round(value * scale * lift * 60) for value, lift in zip(relative, big, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    requests = week()
    with (out / "demand-week.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["timestamp", "requests"])
        for minute, count in enumerate(requests):
            writer.writerow([(START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ"), count])
    mean = sum(requests) / MINUTES / 60
    print(f"{MINUTES} minutes, mean {mean:.0f} and peak {max(requests) / 60:.0f} requests per second")


if __name__ == "__main__":
    main()
