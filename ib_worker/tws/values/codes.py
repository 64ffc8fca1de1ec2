"""TWS's message codes, as far as their meaning is certain. The list is never whole: TWS has some three hundred codes
and adds more, so a code that is not listed ends a wait and decides nothing.

Source: IBKR, TWS API, "Message codes" (interactivebrokers.github.io/tws-api/message_codes.html).
"""

# Errors about an order that TWS rejects. Codes that also come for orders which stay live are left out.
# 103 a duplicate id, 107-168 checks of the order, 200-203 contract and permission, 309-463 attributes, 10xxx newer
# ones.
REJECTS = frozenset(
    {
        103, 107, 109, 110, 111, *range(113, 130), 131, 132, 133, 144, 145, 146, 147, 148, 151, 152, 153, 154, 155, 157,
        158, 159, 160, 163, 164, 167, 168, 200, 201, 203, *range(312, 316), 320, 321, 325, 328, *range(334, 354), 355,
        356, *range(358, 365), *range(377, 383), *range(384, 390), *range(391, 399), *range(400, 404),
        *range(405, 414), *range(416, 420), *range(422, 430), 431, 432, 433, 435, 436, 437, *range(439, 450), 451, 452,
        453, 460, 461, 463, 10003, *range(10005, 10018), *range(10020, 10028), 10043, 10052, 10064, 10239,
        *range(10243, 10277), 10289, 10293, 10318,
    }
)  # fmt: skip
CANCELLED_BY = frozenset({202})
ID_OF_ANOTHER = frozenset({104, 105})  # TWS took an order for a change of an earlier one, and refused that
CHANGE_REFUSED = frozenset({103, *ID_OF_ANOTHER, 106, 107, 10148, 10149})  # about a change; the order stands as it was
CANCEL_REFUSED = frozenset({135, 136, 161, 10147, 10148, 10149})

# Warnings: a request or an order goes on after them. 2100-2199 are notices of the farms, the session and the order
# entry; 165 and 366 speak of history, 10090 and 10167 of market data that comes otherwise, the others of orders.
WARNINGS = frozenset({165, 366, 399, 404, 434, 492, 10090, 10167, 10349, *range(2100, 2200)})

# Market depth was reset: the rows so far are void, and the book comes anew.
BOOK_RESET = 317
# A notice of the historical data service; of a scan it may say that nothing was found.
SCAN_EMPTY = 165

# Errors that end a request for certain. After any other error a request goes on as long as its data keep coming.
REQUEST_ENDS = frozenset(
    {
        100, 101, 102, 103, 110, 162, 200, 203, *range(300, 311), 316, *range(320, 325), 354, 420, 430, 502, 504,
        *range(10005, 10027), 10089, 10091, 10092, 10168, 10172, 10186, 10187, 10189, 10190, 10197, 10276,
    }
)  # fmt: skip
# Errors about a request that may come without its id: TWS could not read as far, or does not know the message.
UNNAMED = frozenset({320, 321, 322, 505, 506, 509})
