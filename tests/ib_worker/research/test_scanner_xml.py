"""The scanner's parameters from TWS's XML."""

import pytest

from ib_worker.research.scanner_xml import ScannerParameter, scanner_parameters
from ib_worker.tws.errors import UnreadableMessage

# Of the shape of TWS's answer: locations inside locations, lists that come twice, fields outside the filters.
XML = """<?xml version="1.0" encoding="UTF-8"?>
<ScanParameterResponse>
  <InstrumentList varName="instrumentList">
    <Instrument><name>US Stocks</name><type>STK</type><filters>PRICE,VOLUME</filters></Instrument>
  </InstrumentList>
  <InstrumentList varName="fullInstrumentList">
    <Instrument><name>US Stocks again</name><type>STK</type></Instrument>
    <Instrument><name></name><type>BOND</type></Instrument>
    <Instrument><name>without a code</name></Instrument>
  </InstrumentList>
  <LocationTree varName="locationTree">
    <Location><displayName>US Stocks</displayName><locationCode>STK.US</locationCode>
      <LocationTree varName="locationTree">
        <Location><displayName>Listed &amp; NASDAQ</displayName><locationCode>STK.US.MAJOR</locationCode></Location>
      </LocationTree>
      <access>unrestricted</access>
    </Location>
  </LocationTree>
  <ScanTypeList varName="scanTypeList">
    <ScanType><displayName>Top % Gainers\u202e</displayName><scanCode>TOP_PERC_GAIN</scanCode>
      <Columns varName="columns"><Column><name>Change</name><scanCode>not this</scanCode></Column></Columns>
    </ScanType>
  </ScanTypeList>
  <SettingList varName="settingList"><AbstractField type="scanner.filter.ComboField"><code>no</code></AbstractField>
  </SettingList>
  <FilterList varName="filterList">
    <RangeFilter><id>PRICE</id>
      <AbstractField type="scanner.filter.DoubleField" varName="minField"><code>priceAbove</code>
        <displayName>Price Above</displayName></AbstractField>
    </RangeFilter>
    <SimpleFilter><id>HALTED</id>
      <AbstractField type="scanner.filter.ComboField"><code>haltedIs</code><displayName>Halted</displayName>
        <ComboValues><ComboValue><code>1</code><displayName>Yes</displayName></ComboValue>
          <ComboValue><code>0</code></ComboValue></ComboValues></AbstractField>
      <AbstractField type="scanner.filter.BooleanField"><code>couponRate</code></AbstractField>
    </SimpleFilter>
  </FilterList>
</ScanParameterResponse>"""
READ = [
    ScannerParameter("instrument", "STK", "US Stocks"),
    ScannerParameter("instrument", "BOND", "BOND"),
    ScannerParameter("locationCode", "STK.US", "US Stocks"),
    ScannerParameter("locationCode", "STK.US.MAJOR", "Listed & NASDAQ"),
    ScannerParameter("scanCode", "TOP_PERC_GAIN", "Top % Gainers"),
    ScannerParameter("filter", "priceAbove", "Price Above", "number"),
    ScannerParameter("filter", "haltedIs", "Halted", "one of 1, 0"),
    ScannerParameter("filter", "couponRate", "couponRate", "true or false"),
]


@pytest.mark.parametrize("size", [1, 7, 1_024, 100_000])
def test_the_codes_are_read_whatever_the_pieces(size: int) -> None:
    assert scanner_parameters([XML[at : at + size] for at in range(0, len(XML), size)]) == READ


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>', "a document type declaration"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "a document type declaration"),
        ("<x>&unknown;</x>", "undefined entity"),
        ("<a>" * 200, "more than 100 elements"),
        ("<ScanParameterResponse><Instrument>", "no element found"),
        ("", "no element found"),
    ],
)
def test_what_is_no_such_xml_is_an_unreadable_message(xml: str, said: str) -> None:
    with pytest.raises(UnreadableMessage, match=said):
        scanner_parameters([xml])
