"""Numbers as a person says them: octets, durations, counts."""

from __future__ import annotations

from math import isnan


def octets(number: float) -> str:
    """Octets: whole below 10,000, above in kB, MB, GB, TB (powers of ten) with three digits.

    Examples
    --------
    >>> octets(2171), octets(17_329), octets(999_999), octets(2.5e9)
    ('2,171 B', '17.3 kB', '1 MB', '2.5 GB')
    """
    unit = "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if unit == "B" and abs(number) < 10_000:
            return f"{number:,.0f} B"
        if unit != "B" and abs(number) < 999.5:
            break
        number, unit = number / 1000, larger
    return f"{float(f'{number:.3g}'):g} {unit}"


def seconds(number: float) -> str:
    """A duration in seconds: as such below two minutes, then in the two units that matter.

    Examples
    --------
    >>> seconds(0.571), seconds(64), seconds(200), seconds(7500), seconds(200_000)
    ('0.571 s', '64 s', '3 min 20 s', '2 h 5 min', '2 d 7 h')
    """
    if isnan(number):
        return "an unknown time"
    if number < 120:
        return f"{float(f'{number:.3g}'):g} s"
    size, big, part, small = next(
        units for units in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")) if number >= units[0]
    )
    rest = int(number % size // part)
    return f"{int(number // size):,} {big}" + (f" {rest} {small}" if rest else "")


def lasting(logged: float) -> str:
    """A length between two stamps, in seconds given: equal stamps still allow a moment.

    Examples
    --------
    >>> lasting(64), lasting(0)
    ('64 s', 'under 1 s')
    """
    return seconds(logged) if logged > 0 else "under 1 s"


def per(width: float) -> str:
    """What is counted in each interval of a length in seconds: *an hour*, *per 5 min*.

    Examples
    --------
    >>> per(1), per(3600), per(86_400), per(1800), per(604_800)
    ('a second', 'an hour', 'a day', 'per 30 min', 'per 7 d')
    """
    named: dict[float, str] = {1: "a second", 60: "a minute", 3600: "an hour", 86_400: "a day"}
    return named.get(width, f"per {seconds(width)}")


def count(number: int, one: str, many: str = "") -> str:
    """A number with its noun.

    Examples
    --------
    >>> count(1, "session"), count(12_000, "reply", "replies")
    ('1 session', '12,000 replies')
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
