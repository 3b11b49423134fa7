"""Small pages while a log is read: switched on and off again, whoever else reads meanwhile."""

import sys
import threading

import pytest

import spamlab
from spamlab import intake, pages, stream

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be asked for small pages")
LOG = "data/samples/postfix.log"


def test_large_pages_are_off_inside_and_on_again_after():
    assert not pages.disabled()
    with pages.small():
        assert pages.disabled()
        with pages.small():
            assert pages.disabled()
        assert pages.disabled()
    assert not pages.disabled()


def test_an_error_inside_leaves_the_process_as_it_was():
    with pytest.raises(ZeroDivisionError), pages.small():
        raise ZeroDivisionError
    assert not pages.disabled()


def test_who_switched_them_off_before_keeps_it_so():
    pages._prctl(pages._SET, 1)
    try:
        with pages.small():
            pass
        assert pages.disabled()
    finally:
        pages._prctl(pages._SET, 0)


def test_the_last_of_several_threads_switches_them_on_again():
    inside, leave = threading.Barrier(2), threading.Event()

    def other():
        with pages.small():
            inside.wait()
            leave.wait()

    thread = threading.Thread(target=other)
    thread.start()
    with pages.small():
        inside.wait()
    assert pages.disabled()
    leave.set()
    thread.join()
    assert not pages.disabled()


def test_a_reading_that_ends_while_another_begins_does_not_wait_for_itself():
    def collected():  # as by the garbage collector, within the other's few lines
        with pages._lock, pages.small():
            pass

    thread = threading.Thread(target=collected, daemon=True)
    thread.start()
    thread.join(5)
    assert not thread.is_alive() and not pages.disabled()


def test_logs_are_read_in_small_pages_and_nothing_is_left_behind(monkeypatch):
    seen = []
    scan = intake.Intake.scan

    def watched(self, *arguments, **named):
        seen.append(pages.disabled())
        return scan(self, *arguments, **named)

    monkeypatch.setattr(intake.Intake, "scan", watched)
    spamlab.read(LOG)
    assert not pages.disabled()
    list(stream.parts(LOG))
    assert seen == [True, True]
    assert not pages.disabled()


def test_where_there_is_no_such_system_call_nothing_happens(monkeypatch):
    monkeypatch.setattr(pages, "_libc", None)
    with pages.small():
        assert not pages.disabled()
    pages.give_back()
