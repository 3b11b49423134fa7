"""A simulation run, and what it gave.

>>> run(duration=60, seed=1).messages["state"].isin(STATES).all()
np.True_
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from spamlab.simulate.arrivals import Message, arrivals
from spamlab.simulate.server import Model
from spamlab.simulate.settings import SENDERS, Load, Server

if TYPE_CHECKING:
    from spamlab.log import Log

KINDS = ("spam", "harvest", "mail", "ndr", "notice", "double bounce", "returned")
STATES = ("refused", "delivered", "sent", "failed", "waiting")
LOGINS = ("", "inside", "user", "retried", "guest", "failed")
COLUMNS = [name for name in Message.__slots__ if name not in ("units", "late", "sender_late")]
CATEGORIES = {"kind": KINDS, "state": STATES, "sender": SENDERS, "login": LOGINS}


@dataclass(frozen=True)
class Run:
    """What a simulation gave.

    Parameters
    ----------
    server, load : what was simulated.
    duration : s.
    seed : of the arrivals.
    messages : DataFrame, one row a message to one recipient: ``number``; ``kind`` (``spam``, ``harvest``,
        ``mail``: legitimate, ``ndr``, ``notice`` and ``double bounce`` to the administrator, ``returned``: an
        error of another host about an NDR); ``of`` (Int64: the message it is about); ``mail`` (Int64: the mail
        that several recipients share); ``arrived``, ``done`` (s; NaN where it still waits); ``size`` (octets);
        ``sender`` (``valid``, ``invalid``, ``null``, ``malformed``, ``unreachable``); ``login`` (``""``,
        ``inside``, ``user``, ``retried``: a user who mistyped first, ``guest``, ``failed``); ``elsewhere``
        (bool: for another domain); ``valid`` (bool: the recipient exists); ``host``, ``sender_host``
        (numbers); ``tries``; ``octets`` (that it put on the uplink); ``delay`` (s from arrival to the end);
        ``state``, the one it ended in: ``refused`` in the dialogue, ``delivered`` here, ``sent`` to another host,
        ``failed`` for good, ``waiting``.
    jobs : DataFrame, one row a time the processor handled a message: ``message``, ``asked``, ``begun``,
        ``done`` (s; can lie beyond the duration).
    attempts : DataFrame, one row a try to send a message out: ``session``, ``message``, ``begun``, ``done`` (s),
        ``outcome`` (``sent``, ``refused``, ``silent``).
    """

    server: Server
    load: Load
    duration: float
    seed: int
    messages: pd.DataFrame
    jobs: pd.DataFrame
    attempts: pd.DataFrame

    @cached_property
    def queue(self) -> pd.DataFrame:
        """``time`` (s) of every change and ``length``: messages in the server from then on."""
        came, went = self.messages["arrived"], self.messages["done"].dropna()
        steps = pd.concat([pd.Series(1, index=came), pd.Series(-1, index=went)]).sort_index(kind="stable")
        return pd.DataFrame({"time": steps.index, "length": steps.cumsum().to_numpy()})

    def utilisation(self, times: np.ndarray) -> np.ndarray:
        """Share of the time between neighbouring times (s) that the processor is busy; one fewer than times."""
        begun, done = self.jobs["begun"].to_numpy(), self.jobs["done"].to_numpy()
        ends = np.r_[0.0, np.c_[begun, done].ravel()]
        spent = np.r_[0.0, np.repeat(np.cumsum(done - begun), 2)]
        spent[1::2] -= done - begun
        shares: np.ndarray = np.diff(np.interp(times, ends, spent)) / np.diff(times)
        return shares

    def over_time(self, step: float = 60.0) -> pd.DataFrame:
        """The course of things, one row each ``step`` seconds.

        Returns
        -------
        DataFrame: ``time`` (s, its end), ``arrived`` (messages), ``length`` (messages in the server at its
        end), ``utilisation`` (share), ``delay`` (mean s of the legitimate mail that came then).

        Examples
        --------
        >>> run(duration=120, seed=1).over_time().columns.tolist()
        ['time', 'arrived', 'length', 'utilisation', 'delay']
        """
        times = np.arange(0.0, self.duration + step / 2, step)
        when = (self.messages["arrived"] // step).astype("int64")
        at = np.searchsorted(self.queue["time"], times[1:], "right") - 1
        length = np.where(at >= 0, self.queue["length"].reindex(at.clip(0)).to_numpy(), 0)
        made = pd.DataFrame({"time": times[1:], "arrived": 0, "length": length, "utilisation": self.utilisation(times)})
        made["arrived"] = when.value_counts().reindex(made.index, fill_value=0)
        return made.assign(delay=self.legitimate_delays().groupby(when).mean())

    def legitimate_delays(self) -> pd.Series:
        """Seconds that legitimate mail took, by its row; for mail that still waits, so far."""
        mail = self.messages[
            self.messages["kind"].eq("mail") & self.messages["state"].isin(["delivered", "sent", "waiting"])
        ]
        return mail["delay"].fillna(self.duration - mail["arrived"])

    def files(self) -> dict[str, bytes]:
        """The Exchange 5.5 protocol logs, one file for each concurrent connection: name to content."""
        from spamlab.simulate.transcript import files

        return files(self)[0]

    def log(self) -> Log:
        """These files, read."""
        from spamlab.simulate.transcript import log

        return log(self)


def run(server: Server | None = None, load: Load | None = None, *, duration: float = 3600.0, seed: int = 0) -> Run:
    """Simulate the server from empty queues on.

    Parameters
    ----------
    server : its parts; by default the white paper's.
    load : what is sent to it; by default the white paper's.
    duration : s.
    seed : the same seed brings the same arrivals, whatever the server.

    Returns
    -------
    Run

    Raises
    ------
    ValueError : for shares that are none, or a duration that is not positive.

    Examples
    --------
    >>> known = run(Server(lookup=True), duration=60, seed=1).messages
    >>> known.loc[(known["kind"] == "spam") & ~known["elsewhere"] & ~known["valid"], "state"].unique().tolist()
    ['refused']
    """
    server, load = server or Server(), load or Load()
    if not duration > 0:
        raise ValueError(f"a simulation of {duration} s: the duration must be positive")
    model = Model(server, load.hosts, arrivals(server, load, duration, seed))
    model.env.run(until=duration)
    rows = {name: [getattr(message, name) for message in model.messages] for name in COLUMNS}
    messages = pd.DataFrame(rows).astype({"of": "Int64", "mail": "Int64", "done": "float64"})
    for name, values in CATEGORIES.items():
        messages[name] = pd.Categorical(messages[name], values)
    messages["delay"] = messages["done"] - messages["arrived"]
    jobs = pd.DataFrame(np.array(model.jobs).reshape(-1, 4), columns=["message", "asked", "begun", "done"])
    attempts = pd.DataFrame(model.attempts, columns=["session", "message", "begun", "done", "outcome"])
    return Run(server, load, duration, seed, messages, jobs, attempts)
