"""A table's rows are read at a scrape; a row that fails hides no other."""

from structlog.typing import EventDict

from bridge.metrics.table import MetricRow, one_of, read_rows

Row = MetricRow[dict[str, int]]
ROWS = (
    Row("gauge", "waiting", "Requests that wait", lambda parts: parts["waiting"]),
    Row("gauge", "broken", "A row with a fault", lambda parts: parts["nowhere"]),
    Row("gauge", "unknown", "A figure that is not known now", lambda _: None),
    Row("counter", "calls_total", "Calls", lambda _: {("tool", "ok"): 2}, ("tool", "outcome")),
    Row("counter", "sent_total", "Messages", lambda _: {"reads": 1}, ("lane",)),
)


def test_each_row_has_its_samples_by_labels(logs: list[EventDict]) -> None:
    found = {each.name: dict(each.values) for each in read_rows(ROWS, {"waiting": 3})}

    assert found == {"waiting": {(): 3}, "calls_total": {("tool", "ok"): 2}, "sent_total": {("reads",): 1}}
    assert [line["metric"] for line in logs if line["event"] == "metric_unreadable"] == ["broken"]


def test_an_enumeration_has_one_for_the_present_value() -> None:
    assert one_of("ready", ("ready", "failed")) == {"ready": 1.0, "failed": 0.0}
    assert one_of("", ("ready", "failed")) == {"ready": 0.0, "failed": 0.0}
