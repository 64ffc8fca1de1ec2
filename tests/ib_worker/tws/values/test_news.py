"""A headline's text."""

from ib_worker.tws.values.news import headline_text


def test_a_headline_loses_its_codes_and_is_bounded() -> None:
    assert headline_text("{A:265598:L:en:K:0.97:C:0.97}!Apple\u202e rises") == "Apple rises"
    assert headline_text("{not closed") == "{not closed"
    assert len(headline_text("x" * 9_999)) == 300
