"""Entries as rows: in the columns of their stream, cut to the limit, with gaps and merged updates told."""

from bridge.bus.events.event import Cursor, EventKind, EventPage, ReadEvent, SessionEvent
from bridge.bus.events.kept_stream import KeptEntry, KeptPage
from bridge.bus.identity.rights import EVERYTHING, Rights
from mcp_front.streams.stream_rows import COLUMNS, as_summary, as_table, of_events, of_kept, stream_row


def entry(number: int, kind: str = "quote", updates: int = 1) -> KeptEntry:
    return KeptEntry(Cursor(number, f"{number}-0"), kind, updates, {"bid": number} if kind == "quote" else {})


def kept(*entries: KeptEntry, gap: bool = False, missing: int | None = 0) -> KeptPage:
    return KeptPage(entries, entries[-1].cursor if entries else Cursor(9, "9-0"), gap, missing)


def test_entries_beyond_the_limit_are_left_for_the_next_read() -> None:
    found = of_kept(kept(entry(1), entry(2), entry(3)), "quotes", 2)

    assert [row["bid"] for row in found.rows] == [1, 2]
    assert (found.more, found.next) == (True, Cursor(2, "2-0"))
    assert of_kept(kept(entry(1), entry(2)), "quotes", 2).more is False


def test_merged_updates_are_counted_and_a_gap_counts_none() -> None:
    found = of_kept(kept(entry(1, updates=4), entry(2, "gap", 0), entry(3, updates=2)), "quotes", 9)

    assert found.conflated == 4
    assert (found.gap, found.missing) == (True, None)


def test_a_page_that_lacks_entries_says_how_many() -> None:
    found = of_kept(kept(entry(7), gap=True, missing=3), "quotes", 9)

    assert (found.gap, found.missing) == (True, 3)


def test_without_entries_the_cursor_goes_on() -> None:
    assert of_kept(kept(), "quotes", 9).next == Cursor(9, "9-0")


def test_a_row_has_the_columns_of_its_stream() -> None:
    contract = {"symbol": "ES", "secType": "FUT", "lastTradeDateOrContractMonth": "20250919", "conId": 7}
    row = stream_row("account", "portfolio", {"contract": contract, "position": 2.0, "kind": "portfolio"})

    assert (row["symbol"], row["conId"], row["position"], row["tag"]) == ("ES SEP25", 7, 2.0, None)
    assert [len(each) for each in as_table("account", [row])] == [len(COLUMNS["account"])]


def test_events_are_rows_too() -> None:
    events = tuple(
        ReadEvent(Cursor(each, f"{each}-0"), SessionEvent("halt", "2026-01-02T03:04:05Z")) for each in (1, 2)
    )
    found = of_events(EventPage(events, events[-1].cursor), 1, 500, "me", EVERYTHING)
    whole = of_events(EventPage(events, events[-1].cursor), 9, 500, "me", EVERYTHING)

    assert (found.more, found.next, found.conflated) == (True, events[0].cursor, 0)
    assert (whole.more, [row[0] for row in as_table("orders", whole.rows)]) == (False, ["halt", "halt"])
    assert of_events(EventPage(events, events[-1].cursor), 9, 2, "me", EVERYTHING).more is True  # the page was full


def test_an_alert_is_shown_to_its_owner_alone() -> None:
    watches = ("me-1", "other-1", "me-2", "mean-1")
    events = tuple(
        ReadEvent(Cursor(number, f"{number}-0"), SessionEvent("alert", "2026-01-02", details={"watch": watch}))
        for number, watch in enumerate(watches, 1)
    )
    page = EventPage(events, events[-1].cursor)
    found, first = of_events(page, 9, 500, "me", EVERYTHING), of_events(page, 1, 500, "me", EVERYTHING)

    assert [row["details"]["watch"] for row in found.rows] == ["me-1", "me-2"]
    assert (found.next, found.more) == (events[-1].cursor, False)
    assert (first.next, first.more) == (events[0].cursor, True)


def test_a_summary_has_the_course_of_each_number_and_of_the_spread() -> None:
    quotes = [(10.0, 10.02), (10.01, 10.02), (None, 10.05), (10.02, 10.05)]
    rows = [
        stream_row("quotes", "quote", {"bid": bid, "ask": ask, "halted": False, "marketDataType": "live"})
        for bid, ask in quotes
    ]

    assert as_summary("quotes", rows) == [
        ["spread", 0.02, 0.03, 0.01, 0.03, 0.02],
        ["bid", 10.0, 10.02, 10.0, 10.02, 10.01],
        ["ask", 10.02, 10.05, 10.02, 10.05, 10.035],
    ]
    assert as_summary("bars", [stream_row("bars", "bar", {"close": 3.5})]) == [["close", 3.5, 3.5, 3.5, 3.5, 3.5]]
    assert as_summary("quotes", []) == []


def test_a_client_of_one_account_sees_no_event_of_another_and_no_approval() -> None:
    """An approval's event has no account, and tells of an order."""
    told: list[tuple[EventKind, str]] = [
        ("order", "DU1"),
        ("execution", "DU2"),
        ("session", ""),
        ("approval", ""),
        ("order", "DU2"),
    ]
    events = tuple(
        ReadEvent(Cursor(number, f"{number}-0"), SessionEvent(kind, "2026-01-02", account=account))
        for number, (kind, account) in enumerate(told, 1)
    )
    page = EventPage(events, events[-1].cursor)
    found = of_events(page, 9, 500, "me", Rights(frozenset({"read"}), frozenset({"DU1"})))

    assert [(row["kind"], row["account"]) for row in found.rows] == [("order", "DU1"), ("session", None)]
    assert found.next == events[-1].cursor
