"""The reads behind a chart."""

from mcp_front.charts.source import Read


def test_a_tables_rows_have_what_is_the_same_in_all() -> None:
    read = Read({"same": {"currency": "USD"}, "columns": ["strike"], "rows": [[400], [390]]}, simulated=False)

    assert read.table_rows() == [{"currency": "USD", "strike": 400}, {"currency": "USD", "strike": 390}]
