"""The types of orders that every client places, as the fields that a client's own order class has."""

from __future__ import annotations

from typing import Any

TOMORROW = "20250612 16:00:00 US/Eastern"
ORDER_TYPES: dict[str, dict[str, Any]] = {
    "STP": {"orderType": "STP", "auxPrice": 5000.0},
    "STP LMT": {"orderType": "STP LMT", "auxPrice": 5000.0, "lmtPrice": 5001.0},
    "TRAIL": {"orderType": "TRAIL", "auxPrice": 5.0},
    "TRAIL LIMIT": {"orderType": "TRAIL LIMIT", "auxPrice": 5.0, "trailStopPrice": 5000.0, "lmtPriceOffset": 0.1},
    "MIT": {"orderType": "MIT", "auxPrice": 1.0},
    "LIT": {"orderType": "LIT", "auxPrice": 1.0, "lmtPrice": 1.1},
    "MOC": {"orderType": "MOC"},
    "LOC": {"orderType": "LOC", "lmtPrice": 1.0},
    "MOO": {"orderType": "MKT", "tif": "OPG"},
    "LOO": {"orderType": "LMT", "tif": "OPG", "lmtPrice": 1.0},
    "REL": {"orderType": "REL", "lmtPrice": 1.0, "auxPrice": 0.01},
    "MIDPRICE": {"orderType": "MIDPRICE", "lmtPrice": 1.0},
    "good till a date": {"orderType": "LMT", "lmtPrice": 1.0, "tif": "GTD", "goodTillDate": TOMORROW},
    "good after a time": {"orderType": "LMT", "lmtPrice": 1.0, "goodAfterTime": TOMORROW},
    "outside regular hours": {"orderType": "LMT", "lmtPrice": 1.0, "outsideRth": True},
    "one cancels all": {"orderType": "LMT", "lmtPrice": 1.0, "ocaGroup": "one", "ocaType": 1},
    "algorithm": {"orderType": "LMT", "lmtPrice": 1.0, "algoStrategy": "Adaptive", "algoParams": []},
}
