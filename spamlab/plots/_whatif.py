"""What would have stopped it: measures, saturation, harvest, error messages (notebook 07)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from spamlab.plots import _look as look
from spamlab.plots._rows import rows
from spamlab.stats import figure
from spamlab.words import octets, seconds

# Of each outcome: what the head of its column says, and how its values are said.
HEADS = {
    "relayed spam": "spam\nrelayed\nan hour",
    "NDRs": "reports\nto sender\nan hour",
    "admin mail": "mail to\nadmin\nan hour",
    "uplink octets": "uplink\nan hour",
    "processor load": "CPU\nload",
    "legitimate delay (median)": "median\ndelay",
    "legitimate delay (p95)": "delay of\nslowest\n5%",
    "legitimate mail refused": "mail\nrefused",
    "legitimate NDRs lost": "NDRs\nlost",
    "failures untold": "failures\nuntold",
}
PARTS = {  # of error messages: what they are, colour
    "to_sender": ("to the sender, across the internet", look.ACCENT),
    "returned": ("back from the sender's host, across the internet", look.ORANGE),
    "to_administrator": ("to the administrator", look.BLUE),
    "double_bounces": ("to the administrator: the report failed", look.GREY),
}


def _said(value: float, unit: str) -> str:
    """A cell's number."""
    if np.isnan(value):
        return "none\nseen"
    if unit == "share":
        return f"{value:.0%}" if value in (0, 1) or value >= 0.1 else f"{value:.1%}"
    if unit == "s":
        return f"{value:.2g} s" if value < 10 else f"{value:,.0f} s" if value < 600 else f"{value / 60:,.0f} min"
    if unit == "octets/h":
        return octets(value)
    return f"{value:.2f}" if unit == "s/s" else f"{value:,.0f}"


def _about(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}"


@look.figure
def measures(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Measures against outcomes: a table with the numbers in its cells, coloured by what a measure changes.

    Parameters
    ----------
    table : DataFrame
        Of `simulate.measures`.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A cell is white where the outcome is as without a measure, purple where it is less, orange where it is
        more; darkest from nothing left, and from twice as much (of a share: all) on.
    """
    look.need(len(table), "Nothing was simulated: there is no measure to compare.")
    value = table.pivot(index="measure", columns="outcome", values="value")
    value = value.loc[table["measure"].unique(), [head for head in HEADS if head in value]]
    unit = dict(zip(table["outcome"], table["unit"], strict=True))
    numbers, heads = value.to_numpy(), [HEADS[str(outcome)] for outcome in value]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(numbers[0] > 0, numbers / numbers[0] - 1, numbers)
    change = np.where(np.abs(change) < 0.05, 0.0, np.nan_to_num(change).clip(-1, 1))
    ax = look.axes(ax, 1.9 + 0.27 * len(value))
    ax.imshow(change, cmap="PuOr_r", vmin=-2.0, vmax=2.0, aspect="auto")  # its ends are too dark to read on
    for (row, column), number in np.ndenumerate(numbers):
        ax.text(column, row, _said(number, unit[value.columns[column]]), ha="center", va="center", fontsize=7)
    for column, head in enumerate(heads):
        ax.text(column, -0.65, head, ha="center", va="bottom", fontsize=7, color=look.SOFT)
    ax.set_yticks(range(len(value)), value.index.tolist(), fontsize=8)
    ax.set(xticks=[], ylim=(len(value) - 0.5, -2.6))
    ax.hlines(np.arange(len(value)) + 0.5, *ax.get_xlim(), color="white", linewidth=2)
    ax.vlines(np.arange(len(heads)) + 0.5, len(value) - 0.5, -0.5, color="white", linewidth=2)
    ax.spines[:].set_visible(False)
    relayed = value["relayed spam"]
    stop = [f"“{name}”" for name in value.index[1:] if relayed[name] == 0 < relayed.iloc[0]]
    title = f"Only {' and '.join(stop)} stop the relaying" if stop else "No measure stops the relaying"
    some = value.index[1:][value["legitimate mail refused"].iloc[1:] > 0]
    title += f"; “{some[0]}” costs legitimate mail" if len(some) else ""
    detail = (
        f"{table['runs'].iloc[0]} simulated runs each; purple: less than with nothing done, orange: more (from 5%); "
    )
    detail += "right of the load: legitimate mail; "
    return look.finding(ax, title, f"{detail}intervals and ranges: in this figure's table", table, 1.25)


@look.figure
def saturation(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Delay of legitimate mail against the rate of spam, one line a measure.

    Parameters
    ----------
    table : DataFrame
        Of `simulate.saturation`.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        Crosses and dashes where the processor has more to do than it can; whiskers: range over the runs.
    """
    look.need(len(table), "Nothing was simulated: there is no delay to show.")
    ax = look.axes(ax, 3.4)
    table = table.assign(hourly=3600 * table["rate"])
    far, worst = float(table["hourly"].max()), float(table["delay_mean_high"].max())
    look.scale(ax, "x", "{:,.0f}".format, 0.0, far)
    look.scale(ax, "y", seconds, float(table["delay_mean_low"].min()), worst, log=True)
    ends: list[tuple[float, str, str]] = []
    for name, color in zip(table["measure"].unique(), [look.INK, *look.GROUPS] * 2, strict=False):
        line = table[table["measure"] == name]
        over, before = line[line["saturated"]], line[~line["saturated"]]
        ax.plot(before["hourly"], before["delay_mean"], "o-", color=color)
        beyond = pd.concat([before.tail(1), over])
        ax.plot(beyond["hourly"], beyond["delay_mean"], "--", color=color)
        ax.plot(over["hourly"], over["delay_mean"], "X", color=color, markersize=6)
        ax.vlines(line["hourly"], line["delay_mean_low"], line["delay_mean_high"], color=color, linewidth=0.8)
        ends.append((float(line["delay_mean"].iloc[-1]), str(name), color))
    low, high = np.log(ax.get_ylim())
    at = low
    for value, name, color in sorted(ends):  # labels apart, from the lowest up
        at = max(float(np.log(value)), at + (high - low) / 16)
        look.note(ax, name, (far, np.exp(at)), (8, 0), color=color, weight="bold")
    ax.set(xlabel="spam, messages an hour", ylabel="mean delay of legitimate mail")
    full = table.drop_duplicates("measure").set_index("measure")["capacity"] * 3600
    best = str(full.idxmax())
    title = f"Beyond {_about(full.iloc[0])} spams an hour legitimate mail waits ever longer"
    title += f"; with “{best}” beyond {_about(full.max())}" if best != full.index[0] else ""
    detail = f"{table['runs'].iloc[0]} simulated runs each, from empty queues; ×: more to do than the "
    detail += "processor can; whiskers: range over the runs"
    return look.finding(ax, title, detail, table, 1.1)


@look.figure
def harvest(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Messages a guesser sends for each valid address found, with and without look-up.

    Parameters
    ----------
    table : DataFrame
        Of `simulate.harvest`.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A row a share of guesses that exist; dots with exact 95% intervals, a bar where arithmetic expects them.
    """
    found = table[np.isfinite(table["per_address"])]
    look.need(len(found), "The simulated guesses found no address: there is no cost to show.")
    shares = list(dict.fromkeys(table["valid"]))
    ax = rows(look.axes(ax, 1.3 + 0.42 * len(shares)), [f"1 guess in {1 / share:,.0f} exists" for share in shares], [])
    ends = found["high"].where(np.isfinite(found["high"]), found["per_address"])
    look.scale(ax, "x", "{:,.0f}".format, 1.0, float(ends.max()), log=True)
    for lookup, color, name in ((False, look.ACCENT, "without look-up"), (True, look.BLUE, "with look-up")):
        some = found[found["lookup"] == lookup]
        at = np.array([shares.index(share) for share in some["valid"]]) + (0.12 if lookup else -0.12)
        ax.hlines(at, some["low"], ends[some.index], color=color, linewidth=1.5)
        ax.plot(some["expected"], at, "|", color=look.INK, markersize=12, zorder=3)
        ax.plot(some["per_address"], at, "o", color=color, markersize=6)
        for y, value, right in zip(at, some["per_address"], ends[some.index], strict=True):
            look.note(ax, f"{figure(value)} {name}" if y < 0.5 else figure(value), (right, y), (6, 0), color=color)
    ax.set_xlabel("messages sent for each valid address found")
    last = found[found["valid"] == found["valid"].min()].sort_values("lookup")["per_address"]
    title = f"A guesser sends {_about(last.iloc[0])} messages for each address found; "
    detail = "simulated; bars: exact 95% interval; |: by arithmetic. With look-up a wrong guess costs a RCPT, no text"
    return look.finding(ax, f"{title}with look-up {_about(last.iloc[-1])}", detail, table, 0.9)


@look.figure
def error_messages(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Error messages that one spam to nobody causes, by its sender.

    Parameters
    ----------
    table : DataFrame
        Of `simulate.error_messages`.
    ax : Axes, optional
        Where to draw; by default a new column-wide figure.

    Returns
    -------
    Axes
        A row a case of the first policy in the table, most messages last, with one square a message.
    """
    look.need(len(table), "No case was simulated: there is no error message to count.")
    cases = table[table["policy"] == table["policy"].iloc[0]].drop_duplicates(["sender", "recipient", *PARTS])
    cases = cases.sort_values("messages", kind="stable")
    nobody = cases["recipient"] == "invalid"
    cases = pd.concat([cases[~nobody].head(1), cases[nobody]])
    host = np.where(cases["sender"] == "invalid", ", its host " + cases["sender_host"], "")
    names = "sender " + cases["sender"].replace({"null": "<>", "valid": "real"}) + host
    names = names.where(cases["recipient"] == "invalid", "recipient exists")
    asides = [f"{n}, {out} across" for n, out in zip(cases["messages"], cases["across_internet"], strict=True)]
    ax = rows(look.axes(ax, 1.6 + 0.3 * len(cases)), names, asides)
    ax.set_ylim(len(cases) - 0.5, -2)
    left = np.zeros(len(cases))
    for column, (name, color) in PARTS.items():
        width = cases[column].to_numpy(dtype=float)
        ax.barh(range(len(cases)), width, 0.62, left, color=color, label=name, edgecolor="white", lw=1.5)
        left += width
    ax.set(xlim=(0, max(left.max(), 1) + 0.1), xlabel="error messages for one spam")
    ax.set_xticks(range(int(left.max()) + 1))
    ax.legend(loc="upper left", bbox_to_anchor=(-0.42, 1.0), ncols=2, columnspacing=1)
    most = cases.iloc[-1]
    title = (
        f"One spam to nobody causes up to {most['messages']} error messages, {most['across_internet']} of them across"
    )
    detail = f"{len(cases)} cases, each one simulated spam; an NDR that is refused has crossed the internet too"
    return look.finding(ax, f"{title} the internet", detail, cases.reset_index(drop=True))
