"""The refusal of a request: the world raises it, the connection sends it as an error."""

from __future__ import annotations


class Refusal(Exception):
    """The world's refusal of a request: the code and the text that TWS's error message (4) carries."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
