"""Time stamps: what each kind says, and what is made of those that do not say all."""

import datetime
import io
import os

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spamlab
from spamlab import engine, native, stamp_lexer
from spamlab.notation import Shape, Variant
from spamlab.scan import Scanner

UTC = datetime.UTC


def log_of(stamps, **options):
    """The log of a Postfix daemon that said something at each of these stamps."""
    text = "".join(f"{stamp} mx postfix/qmgr[1]: {i:06X}: removed\n" for i, stamp in enumerate(stamps))
    return spamlab.read(io.BytesIO(text.encode()), format="postfix", **options)


def times(stamps, **options):
    """When they were, in UTC, as text; None where that is not known."""
    found = log_of(stamps, **options).events["time"]
    return [None if pd.isna(time) else time.isoformat().removesuffix("+00:00") for time in found]


def file_of(path, stamps, written):
    """A file with these stamps, last written at that moment."""
    path.write_text("".join(f"{stamp} mx postfix/qmgr[1]: {i:06X}: removed\n" for i, stamp in enumerate(stamps)))
    moment = pd.Timestamp(written, tz="UTC").timestamp()
    os.utime(path, (moment, moment))
    return path


# -- what a stamp says by itself ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2024-03-01T12:00:00Z", "2024-03-01T12:00:00"),
        ("2024-03-01T12:00:00.5Z", "2024-03-01T12:00:00.500000"),
        ("2024-03-01T12:00:00,123Z", "2024-03-01T12:00:00.123000"),
        ("2024-03-01T12:00:00.123456789Z", "2024-03-01T12:00:00.123456"),
        ("2024-03-01T12:00:00+01:00", "2024-03-01T11:00:00"),
        ("2024-03-01T12:00:00-0530", "2024-03-01T17:30:00"),
        ("2024-03-01 12:00:00 +0100", "2024-03-01T11:00:00"),
        ("2024-03-01T00:30:00+01:00", "2024-02-29T23:30:00"),
        ("2024-03-01T12:00:00", "2024-03-01T12:00:00"),
        ("2024-03-01 12:00:00", "2024-03-01T12:00:00"),
        ("2024/03/01 12:00:00", "2024-03-01T12:00:00"),
        ("Mar  1 2024 12:00:00", "2024-03-01T12:00:00"),
        ("Mar 01 2024 12:00:00", "2024-03-01T12:00:00"),
        ("01/Mar/2024:12:00:00 +0100", "2024-03-01T11:00:00"),
        ("1709294400", "2024-03-01T12:00:00"),
        ("2024-03-01 12:00:00 UTC", "2024-03-01T12:00:00"),
        ("Fri 2024-03-01 12:00:00 CET", "2024-03-01T11:00:00"),
        ("ven. 2024-03-01 12:00:00.5 CEST", "2024-03-01T10:00:00.500000"),
        ("mar. 2024-03-05 12:00:00 GMT", "2024-03-05T12:00:00"),  # mardi
        ("Fri Mar  1 12:00:00 EST 2024", "2024-03-01T17:00:00"),
        ("Fri Mar  1 12:00:00 2024", "2024-03-01T12:00:00"),
        ("Mar  1 12:00:00 2024", "2024-03-01T12:00:00"),
        ("2024.03.01 12:00:00", "2024-03-01T12:00:00"),
        ("1 Mar 12:00:00", "2024-03-01T12:00:00"),
        ("01 Mar 12:00:00.5", "2024-03-01T12:00:00.500000"),
        ("1 Mar 2024 12:00:00", "2024-03-01T12:00:00"),
        ("01-Mar-2024 12:00:00", "2024-03-01T12:00:00"),
        ("2024 Mar  1 12:00:00", "2024-03-01T12:00:00"),
        ("2024 Mar 1 12:00:00", "2024-03-01T12:00:00"),
        ("2024-Mar-01 12:00:00", "2024-03-01T12:00:00"),
        ("Mar 1, 2024 12:00:00", "2024-03-01T12:00:00"),
        ("Mar 1, 2024 @ 12:00:00.250", "2024-03-01T12:00:00.250000"),
        ("Fri, 01 Mar 2024 12:00:00 +0100", "2024-03-01T11:00:00"),
        ("Fri  1 Mar 12:00:00", "2024-03-01T12:00:00"),
        ("2024-03-01T12:00:00+02", "2024-03-01T10:00:00"),
        ("@4000000065e1c34a0ee6b280", "2024-03-01T12:00:00.250000"),  # multilog, s6-log
        ("@4000000065E1C34A00000000", "2024-03-01T12:00:00"),
        ("1709294400250", "2024-03-01T12:00:00.250000"),
        ("1709294400250000", "2024-03-01T12:00:00.250000"),
        ("1709294400250000000", "2024-03-01T12:00:00.250000"),
        *(
            (f"{month} 01 2024 12:00:00", f"2024-{number:02}-01T12:00:00")
            for words in (
                "janv. févr. mars avril mai juin juil. août sept. oct. nov. déc.",
                "Jan Feb Mär Apr Mai Jun Jul Aug Sep Okt Nov Dez",
                "ene feb mar abr may jun jul ago sep oct nov dic",
                "gen feb mar apr mag giu lug ago set ott nov dic",
                "jan fev mar abr mai jun jul ago set out nov dez",
                "jan feb mrt apr mei jun jul aug sep okt nov dec",
                "jan feb mar apr maj jun jul aug sep okt nov dec",
                "sty lut mar kwi maj cze lip sie wrz paź lis gru",
                "янв фев мар апр мая июн июл авг сен окт ноя дек",
                "Ιαν Φεβ Μαρ Απρ Μαΐ Ιουν Ιουλ Αυγ Σεπ Οκτ Νοε Δεκ",
                "січ лют бер кві тра чер лип сер вер жов лис гру",
                "led úno bře dub kvě čen čec srp zář říj lis pro",
                "Oca Şub Mar Nis May Haz Tem Ağu Eyl Eki Kas Ara",
                "jan. febr. márc. ápr. máj. jún. júl. aug. szept. okt. nov. dec.",
                "ian feb mar apr mai iun iul aug sep oct nov dec",
                "1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月",
                "1월 2월 3월 4월 5월 6월 7월 8월 9월 10월 11월 12월",
            )
            for number, month in enumerate(words.split(), 1)
        ),
        ("2024-03-01_12:00:00.25", "2024-03-01T12:00:00.250000"),  # svlogd
        ("1709294400.25", "2024-03-01T12:00:00.250000"),
        # far away
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00"),
        ("1970-01-01T00:00:00+01:00", "1969-12-31T23:00:00"),
        ("2038-01-19T03:14:08Z", "2038-01-19T03:14:08"),
        ("4102444800", "2100-01-01T00:00:00"),
        ("2262-04-12T00:00:00Z", "2262-04-12T00:00:00"),  # nanoseconds in 64 bits end the day before
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59"),
        # a leap second is the next minute's first
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00"),
        ("2016-12-31T23:59:60.5Z", "2017-01-01T00:00:00.500000"),
        # leap days
        ("2000-02-29T00:00:00Z", "2000-02-29T00:00:00"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00"),
        # no such time
        ("2023-02-29T00:00:00Z", None),
        ("1900-02-29T00:00:00Z", None),
        ("2024-02-30T00:00:00Z", None),
        ("2024-13-01T00:00:00Z", None),
        ("2024-00-01T00:00:00Z", None),
        ("2024-04-31T00:00:00Z", None),
        ("2024-03-01T24:00:00Z", None),
        ("2024-03-01T12:60:00Z", None),
        ("2024-03-01T12:00:61Z", None),
        ("0000-00-00T00:00:00Z", None),
        ("99999999999999999999", None),
        ("@4fffffffffffffff00000000", None),
        ("@400000000000000000000000", None),
        ("31 Apr 2024 12:00:00", None),
        ("Jul 32 12:00:00", None),
        ("Jul  0 12:00:00", None),
        ("Jul  7 25:00:00", None),
    ],
)
def test_each_kind_of_stamp(stamp, expected):
    log = log_of([stamp], year=2024)
    assert times([stamp], year=2024) == [expected]
    assert len(log.events) == 1 and len(log.unparsed) == 0  # a time that is none loses no line


@pytest.mark.parametrize(
    "stamp",
    [
        "Foo  7 13:42:53",
        "Jul 07",
        "2024-03-01",
        "12.03.2024 12:00:00",
        "Jul  7 1:2:3",
        "",
        "7 Foo 13:42:53",
        "777 Jul 13:42:53",
        "7 Jul 2024",
        "7-Jul/2024 13:42:53",
        "2024 Jul 13:42:53",
        "@40000000",
        "@4000000065e1c34a0000000g",
    ],
)
def test_what_is_no_stamp_is_no_head(stamp):
    log = log_of(["Jul  7 13:42:53", stamp], year=2024)
    assert (len(log.events), len(log.unparsed)) == (1, 1)


@settings(max_examples=300, deadline=None)
@given(st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31)), st.integers(-14 * 60, 14 * 60))
def test_iso_stamps_are_what_python_says(moment, minutes):
    east = datetime.timezone(datetime.timedelta(minutes=minutes))
    text = moment.replace(tzinfo=east).isoformat(timespec="microseconds").encode()
    value, end = stamp_lexer.stamp(text, 0, len(text))
    since = moment - datetime.timedelta(minutes=minutes) - datetime.datetime(1970, 1, 1)
    assert end == len(text) and value & 7 == stamp_lexer.ZONED
    assert value >> 3 == since // datetime.timedelta(microseconds=1)


@pytest.mark.skipif(not native.able(), reason="Numba is not installed")
@settings(max_examples=300, deadline=None)
@given(st.text("0123456789:-/.,+ TZJulFebNov@", max_size=34))
def test_stamps_are_the_same_plain_and_compiled(text):
    one = Scanner(Variant("t", (("", (Shape("{t:time}{rest>}"),)),)))
    with engine.only("plain"):
        plain = one.run(text.encode())
    with engine.only("compiled"):
        compiled = one.run(text.encode())
    for name, field in plain.columns.items():
        assert field.values.tolist() == compiled.columns[name].values.tolist()


def test_days_are_the_calendars():
    run = stamp_lexer.days
    for day in range(-719162, 2932897, 997):
        date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
        assert run(date.year, date.month, date.day) == day


# -- no year -----------------------------------------------------------------------------------------------


def test_without_a_year_the_caller_gives_that_of_the_first_line():
    assert times(["Jul  7 13:42:53"], year=2003) == ["2003-07-07T13:42:53"]
    assert log_of(["Jul  7 13:42:53"], year=2003).sources["year_assumed"].tolist() == [2003]
    assert log_of(["2024-03-01T12:00:00Z"], year=2003).sources["year_assumed"].isna().all()


@pytest.mark.parametrize(
    ("year", "expected"),
    [
        (2024, ["2024-02-28T12:00:00", "2024-02-29T12:00:00", "2024-03-01T12:00:00"]),
        (2000, ["2000-02-28T12:00:00", "2000-02-29T12:00:00", "2000-03-01T12:00:00"]),
        (2023, ["2023-02-28T12:00:00", None, "2023-03-01T12:00:00"]),
        (1900, ["1900-02-28T12:00:00", None, "1900-03-01T12:00:00"]),
    ],
)
def test_29_february(year, expected):
    assert times(["Feb 28 12:00:00", "Feb 29 12:00:00", "Mar  1 12:00:00"], year=year) == expected


@pytest.mark.parametrize(
    ("written", "year"),
    [("2024-06-01", 2024), ("2025-06-01", 2024), ("2027-12-31", 2024), ("2028-02-28", 2024), ("2028-03-01", 2028)],
)
def test_29_february_says_that_the_year_is_a_leap_year(tmp_path, written, year):
    path = file_of(tmp_path / "mail.log", ["Feb 29 12:00:00", "Mar  1 12:00:00"], written)
    assert spamlab.read(path).events["time"].dt.year.tolist() == [year, year]


def test_new_year():
    assert times(["Dec 31 23:59:59", "Jan  1 00:00:00", "Jan  2 00:00:00"], year=2023) == [
        "2023-12-31T23:59:59", "2024-01-01T00:00:00", "2024-01-02T00:00:00"]  # fmt: skip


def test_new_year_with_lines_out_of_order():
    stamps = [
        "Dec 31 23:59:59",
        "Jan  1 00:00:00",
        "Dec 31 23:59:59",
        "Jan  1 00:00:01",
        "Dec 31 23:59:58",
        "Jan  1 00:00:02",
    ]
    assert times(stamps, year=2023) == [
        "2023-12-31T23:59:59", "2024-01-01T00:00:00", "2023-12-31T23:59:59", "2024-01-01T00:00:01",
        "2023-12-31T23:59:58", "2024-01-01T00:00:02"]  # fmt: skip


def test_a_first_line_out_of_order_at_new_year():
    assert times(["Jan  1 00:00:00", "Dec 31 23:59:59", "Jan  1 00:00:01"], year=2024) == [
        "2024-01-01T00:00:00", "2023-12-31T23:59:59", "2024-01-01T00:00:01"]  # fmt: skip


def test_two_new_years():
    stamps = ["Dec 30 00:00:00", "Jan  3 00:00:00", "Jul  1 00:00:00", "Dec 30 00:00:00", "Feb 29 00:00:00"]
    assert [time[:4] for time in times(stamps, year=2022)] == ["2022", "2023", "2023", "2023", "2024"]


def test_a_step_back_is_no_new_year():
    assert times(["Jul  7 13:00:00", "Jul  7 12:00:00", "Jun 30 12:00:00", "Mar 30 12:00:00"], year=2023) == [
        "2023-07-07T13:00:00", "2023-07-07T12:00:00", "2023-06-30T12:00:00", "2023-03-30T12:00:00"]  # fmt: skip


@pytest.mark.parametrize(
    "stamps", [["Jan 10 00:00:00", "Aug 20 00:00:00"], ["Feb  1 00:00:00", "Oct 30 00:00:00", "Nov  1 00:00:00"]]
)
def test_a_server_that_was_quiet_for_more_than_half_a_year(stamps):
    assert {time[:4] for time in times(stamps, year=2023)} == {"2023"}


def test_a_leap_second_at_new_year():
    assert times(["Dec 31 23:59:60", "Jan  1 00:00:00"], year=2016) == ["2017-01-01T00:00:00", "2017-01-01T00:00:00"]
    assert times(["Dec 31 23:59:60", "Jan  1 00:00:00"], year=2015) == ["2016-01-01T00:00:00", "2016-01-01T00:00:00"]


def test_a_stamp_that_is_none_does_not_turn_the_year():
    assert times(["Jul 32 00:00:00", "Dec 31 23:59:59", "Jul 32 00:00:00", "Jan  1 00:00:00"], year=2023) == [
        None, "2023-12-31T23:59:59", None, "2024-01-01T00:00:00"]  # fmt: skip


# -- no year, files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamps", "written", "years"),
    [
        (["Jul  7 00:00:00"], "2024-07-07 00:00:01", [2024]),
        (["Jul  7 00:00:00"], "2024-07-06 12:00:00", [2024]),  # clocks and zones differ: a day's grace
        (["Jul  7 00:00:00"], "2024-07-01", [2023]),
        (["Dec 31 23:59:59"], "2024-01-01 00:00:10", [2023]),
        (["Dec 31 00:00:00", "Jan  1 00:00:00"], "2024-01-02", [2023, 2024]),
        (["Dec 31 00:00:00", "Jan  1 00:00:00", "Dec 31 23:59:59"], "2024-01-02", [2023, 2024, 2023]),
    ],
)
def test_the_latest_year_that_a_file_could_be_written_in(tmp_path, stamps, written, years):
    log = spamlab.read(file_of(tmp_path / "mail.log", stamps, written))
    assert log.events["time"].dt.year.tolist() == years
    assert log.sources["year_assumed"].tolist() == [years[0]]


def rotated(folder, written=("2023-12-25", "2024-01-01", "2024-01-08")):
    contents = (
        ["Dec 18 00:00:00", "Dec 24 23:59:59"],
        ["Dec 25 00:00:00", "Dec 31 23:59:59"],
        ["Jan  1 00:00:00", "Jan  7 00:00:00"],
    )
    for name, stamps, moment in zip(("mail.log.2", "mail.log.1", "mail.log"), contents, written, strict=True):
        file_of(folder / name, stamps, moment)
    return folder


@pytest.mark.parametrize("options", [{}, {"year": 2023}])
def test_rotated_files_over_new_year(tmp_path, options):
    log = spamlab.read(rotated(tmp_path), **options)
    assert log.events["time"].dt.strftime("%F").tolist() == [
        "2023-12-18", "2023-12-24", "2023-12-25", "2023-12-31", "2024-01-01", "2024-01-07"]  # fmt: skip
    assert log.sources["year_assumed"].tolist() == [2023, 2023, 2024]
    assert log.sources["first"].is_monotonic_increasing


def test_files_copied_later_still_have_an_order(tmp_path):
    log = spamlab.read(rotated(tmp_path, ["2024-06-01"] * 3))
    assert log.events["time"].dt.year.tolist() == [2023] * 4 + [2024] * 2


def test_two_servers_logs_of_one_time(tmp_path):
    for host in "ab":
        file_of(tmp_path / f"{host}.log", ["Jul  1 00:00:00", "Jul 30 00:00:00"], "2024-07-31")
    for options in ({}, {"year": 2024}):
        assert spamlab.read(tmp_path, **options).events["time"].dt.year.tolist() == [2024] * 4


def test_two_servers_logs_that_both_go_over_new_year(tmp_path):
    for host in "ab":
        file_of(tmp_path / f"{host}.log", ["Dec 30 00:00:00", "Jan  2 00:00:00"], "2024-01-03")
    for options in ({}, {"year": 2023}):
        assert spamlab.read(tmp_path, **options).events["time"].dt.year.tolist() == [2023, 2024] * 2


# -- zones -------------------------------------------------------------------------------------------------


def test_zone_offsets_that_change_in_the_file():
    stamps = [
        "2024-03-31T01:59:59+01:00",
        "2024-03-31T03:00:00+02:00",
        "2024-10-27T02:59:59+02:00",
        "2024-10-27T02:00:00+01:00",
    ]
    assert times(stamps, tz="America/New_York") == [
        "2024-03-31T00:59:59", "2024-03-31T01:00:00", "2024-10-27T00:59:59", "2024-10-27T01:00:00"]  # fmt: skip
    assert log_of(stamps, tz="America/New_York").sources["tz_assumed"].isna().all()


def test_the_hour_that_is_not_and_the_hour_that_comes_twice():
    stamps = [
        "Mar 31 01:59:59",
        "Mar 31 02:30:00",
        "Mar 31 03:00:00",
        "Oct 27 01:59:59",
        "Oct 27 02:30:00",
        "Oct 27 03:00:00",
    ]
    assert times(stamps, year=2024, tz="Europe/Berlin") == [
        "2024-03-31T00:59:59", "2024-03-31T01:00:00", "2024-03-31T01:00:00",  # moved forward
        "2024-10-26T23:59:59", "2024-10-27T01:30:00", "2024-10-27T02:00:00"]  # the second of the two  # fmt: skip
    assert log_of(stamps, year=2024, tz="Europe/Berlin").sources["tz_assumed"].tolist() == ["Europe/Berlin"]


def test_local_and_zoned_stamps_in_one_file():
    assert times(["Jul  7 13:00:00", "2024-07-07T13:00:00Z", "2024-07-07T13:00:00"], year=2024, tz="Asia/Kolkata") == [
        "2024-07-07T07:30:00", "2024-07-07T13:00:00", "2024-07-07T07:30:00"]  # fmt: skip


@pytest.mark.parametrize("options", [{}, {"year": 1999}])
def test_a_year_that_other_stamps_of_the_file_state(options):
    """A syslog daemon set to write whole stamps from one day on: those before are of the same winter."""
    log = log_of(["Dec 30 23:00:00", "Dec 31 23:00:00", "2020-01-01T01:00:00+02:00", "Jan  1 10:00:00"], **options)
    assert log.events["time"].dt.strftime("%Y-%m-%d %H").tolist() == [
        "2019-12-30 23", "2019-12-31 23", "2019-12-31 23", "2020-01-01 10",
    ]  # fmt: skip
    assert log.sources["year_assumed"].isna().all()


def test_a_year_that_is_stated_long_after_or_long_before():
    log = log_of(["Mar  1 00:00:00", "Nov 30 00:00:00", "2025-01-10T00:00:00Z", "Jan  9 00:00:00", "Oct  1 00:00:00"])
    assert log.events["time"].dt.strftime("%Y-%m").tolist() == ["2024-03", "2024-11", "2025-01", "2025-01", "2025-10"]


def test_of_several_stated_years_the_nearest_before_counts():
    log = log_of(
        ["2012-02-28T00:00:00Z", "Feb 29 00:00:00", "2013-02-27T00:00:00Z", "Feb 29 00:00:00", "Mar  1 00:00:00"]
    )
    times = log.events["time"].dt.strftime("%Y-%m-%d")
    assert times.tolist()[:3] == ["2012-02-28", "2012-02-29", "2013-02-27"]
    assert times.isna().tolist() == [False, False, False, True, False]  # 2013 has no such day
    assert times.iloc[4] == "2013-03-01"


def test_a_clock_that_is_the_same_in_another_zone():
    stamps = ["2024-07-07 13:00:00", "2024-07-07 13:00:00 +0100", "2024-07-07 13:00:00 -0100", "2024-07-07 13:00:00"]
    assert [time[11:16] for time in times(stamps)] == ["13:00", "12:00", "14:00", "13:00"]


def test_the_end_of_time_in_a_zone():
    for tz in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"):
        found = log_of(["9999-12-31T23:59:59", "0001-01-01T00:00:00", "2024-07-07T13:00:00"], tz=tz).events["time"]
        assert len(found) == 3 and found.iloc[2].year == 2024


def test_an_unknown_zone_is_named():
    with pytest.raises(Exception, match="Mars/Olympus"):
        times(["Jul  7 13:00:00"], year=2024, tz="Mars/Olympus")


# -- no date -----------------------------------------------------------------------------------------------

W3C = """#Software: Microsoft Internet Information Services 6.0
#Version: 1.0
#Date: {date} {time}
#Fields: time c-ip cs-method cs-uri-stem sc-status
"""


def w3c(*sections):
    text = ""
    for date, hours in sections:
        text += W3C.format(date=date, time=hours[0])
        text += "".join(
            f"{clock} 192.0.2.1 {verb} - 250\n" for clock, verb in zip(hours, ["EHLO"] * len(hours), strict=True)
        )
    found = spamlab.read(io.BytesIO(text.encode())).events["time"]
    return [None if pd.isna(time) else time.strftime("%F %T") for time in found]


def test_clock_only_stamps_take_the_headers_day():
    assert w3c(("2006-10-09", ["05:00:15", "05:00:16"])) == ["2006-10-09 05:00:15", "2006-10-09 05:00:16"]


def test_clock_only_stamps_go_over_midnight():
    assert w3c(("2006-12-31", ["23:59:59", "00:00:01", "23:00:00", "00:00:02"])) == [
        "2006-12-31 23:59:59", "2007-01-01 00:00:01", "2007-01-01 23:00:00", "2007-01-02 00:00:02"]  # fmt: skip


def test_each_header_begins_its_own_day():
    found = w3c(
        ("2006-10-09", ["23:59:59", "00:00:01"]), ("2006-10-10", ["00:00:02"]), ("2006-10-12", ["07:00:00", "06:59:59"])
    )
    assert found == [
        "2006-10-09 23:59:59", "2006-10-10 00:00:01", "2006-10-10 00:00:02", "2006-10-12 07:00:00", "2006-10-12 06:59:59"]  # fmt: skip


def test_a_header_without_a_day_leaves_the_times_missing():
    assert w3c(("nonsense", ["05:00:15"])) == [None]


# -- other formats' stamps ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stamp", "options", "expected"),
    [
        ("11/11/03 12:00:01 AM", {}, "2003-11-11 00:00:01"),
        ("11/11/03 12:00:01 PM", {}, "2003-11-11 12:00:01"),
        ("11/11/03 11:59:59 PM", {}, "2003-11-11 23:59:59"),
        ("11/11/03 1:00:00 a.m.", {}, "2003-11-11 01:00:00"),
        ("4/5/99 10:00:00", {}, "1999-04-05 10:00:00"),
        ("4/5/99 10:00:00", {"dayfirst": True}, "1999-05-04 10:00:00"),
        ("13/5/99 10:00:00", {}, "1999-05-13 10:00:00"),
        ("5/13/99 10:00:00", {}, "1999-05-13 10:00:00"),
        ("04.05.1999 10:00:00", {}, "1999-05-04 10:00:00"),
        ("1999-05-04 10:00:00", {}, "1999-05-04 10:00:00"),
        ("1/2/69 10:00:00", {}, "2069-01-02 10:00:00"),
        ("1/2/70 10:00:00", {}, "1970-01-02 10:00:00"),
        ("1/2/38 10:00:00", {}, "2038-01-02 10:00:00"),
        ("2/29/03 10:00:00", {}, None),
        ("11/11/03 13:00:00 PM", {}, None),
        ("11/11/03 0:00:00 AM", {}, None),
        ("11/11/03 25:00:00", {}, None),
        ("31.04.2003 10:00:00", {}, None),
    ],
)
def test_a_locales_stamps(stamp, options, expected):
    text = f"{stamp} : A connection to 192.0.2.1 was established.\n{stamp} : >>> QUIT\n"
    found = spamlab.read(io.BytesIO(text.encode()), format="exchange55", **options).events["time"].iloc[0]
    assert (None if pd.isna(found) else found.strftime("%F %T")) == expected


def test_ncsa_stamps_with_offsets_that_change():
    rows = [("11/Oct/2006:13:16:39", "-0600"), ("29/Oct/2006:01:59:59", "-0500"), ("29/Oct/2006:01:00:00", "-0600")]
    text = "".join(f'192.0.2.1 - me [{clock} {zone}] "EHLO -?me SMTP" 250 17\n' for clock, zone in rows)
    found = spamlab.read(io.BytesIO(text.encode())).events["time"]
    assert found.dt.strftime("%F %T").tolist() == ["2006-10-11 19:16:39", "2006-10-29 06:59:59", "2006-10-29 07:00:00"]
