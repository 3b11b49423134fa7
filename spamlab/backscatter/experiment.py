"""An attack by reports, predicted from its inputs: Frei, Silvestri and Ollmann (2004)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spamlab import costs, words
from spamlab.backscatter.account import LINUX
from spamlab.wire import WireModel

PUBLISHED = {
    "octets a mail sent": 34_000.0,
    "octets sent": 3.6e6,
    "reports": 80_000.0,
    "octets a report": 15_000.0,
    "octets returned": 1.2e9,
    "amplification": 330.0,
}
"""Frei, Silvestri and Ollmann, "Mail Non-Delivery Notice Attacks" (2004), as reported by Heise; "over" is left out."""


def attack(
    wire: WireModel = LINUX, *, servers: int = 105, recipients: int = 1000, attachment: int = 10_000,
    command: int = 20, header: int = 600, notice: int = 1300,
) -> pd.DataFrame:  # fmt: skip
    """The experiment of Frei, Silvestri and Ollmann (2004), from its inputs, beside what they published.

    One mail to each server names many recipients who do not exist; each of them may bring a report that returns it.

    Parameters
    ----------
    wire : as in `cost`.
    servers, recipients : mails sent, one to a server; recipients of each (RFC 5321 §4.5.3.1.8 asks for 100 or more).
    attachment : octets before base64 (RFC 2045 §6.8: 4 for 3, lines of 76 and CRLF).
    command : octets of a RCPT line; ``RCPT TO:<>`` and CRLF are 12 of them.
    header : octets of the mail's header and MIME frame, assumed.
    notice : octets of a report beside what it returns: its own header, words, delivery status (RFC 3464), assumed.

    Returns
    -------
    DataFrame, index ``quantity``, float: ``predicted`` (SMTP octets, one way, from the inputs alone: every recipient
    brings a report), ``with_their_reports`` (the same with the number of reports they counted), ``wire`` (as
    predicted, IP packets both ways), ``published``.
    """
    encoded = np.ceil(attachment / 3) * 4
    text = encoded + 2 * np.ceil(encoded / 76) + header
    mail = costs.modelled(pd.DataFrame({"transaction": [0.0], "size": [text], "path": [command - 12.0], "sent": True}))
    mail = mail.loc[mail.index.repeat(np.where(mail["part"] == "RCPT", recipients, 1))]
    # All RCPT lines at a stretch would be PIPELINING: a mailer of the time waited for each answer.
    mail["at"] = mail.groupby(mail.index).cumcount().where(mail["part"] == "RCPT", 0)
    mail = mail.assign(block=mail["part"].ne(mail["part"].shift()).cumsum())
    mail = mail.sort_values(["block", "at"], kind="stable", ignore_index=True)
    size = text + notice
    report = costs.modelled(pd.DataFrame({"transaction": [0.0], "size": [size], "path": [20.0], "sent": True}))
    sent, returned = costs.total(mail, wire), costs.total(report, wire)
    lines, packets = sent["smtp_out"], sent["ip_out"] + sent["ip_in"]
    back = returned["ip_out"] + returned["ip_in"]

    def column(mail: float, report: float, reports: float) -> list[float]:
        whole, given = mail * servers, report * reports
        return [mail, whole, reports, report, given, given / whole]

    columns = {
        "predicted": column(lines, size, servers * recipients),
        "with_their_reports": column(lines, size, PUBLISHED["reports"]),
        "wire": column(packets, back, servers * recipients),
        "published": list(PUBLISHED.values()),
    }
    return pd.DataFrame(columns, index=pd.Index(PUBLISHED, name="quantity"), dtype="float64")


def attack_answer(table: pd.DataFrame) -> str:
    """Say in a sentence how near `attack` comes to what was published."""
    off = {name: (table[name] / table["published"] - 1).map("{:+.0%}".format) for name in table.columns[:2]}
    alone, given = (table[name] for name in table.columns[:2])
    mail, report, factor = table.index[[0, 3, 5]]
    said = f"From its inputs alone the model gives {words.octets(alone[mail])} a mail sent ({off['predicted'][mail]} of"
    said += f" what was published), {words.octets(alone[report])} a report ({off['predicted'][report]}) and an"
    said += f" amplification of {alone[factor]:.0f} if every recipient brings a report; {given['reports']:,.0f} of"
    said += f" {alone['reports']:,.0f} did, which makes it {given[factor]:.0f}"
    return (said + f" ({off['with_their_reports'][factor]}).").replace("(-", "(−")
