"""Secrets of a transcript and their fields: accounts, user names, order references, permIds, execIds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from xml.sax.saxutils import escape

from ibgateway.recorder.transcript.masking import ACCOUNT, Masks, plain
from ibgateway.simulator.wire.encoding.text import UNSET_DECIMAL, UNSET_DOUBLE, UNSET_INTEGER, UNSET_LONG, clean


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Who somebody is: what is found in such a field is masked wherever it appears.
PERSONAL = _words(
    """
    account acctCode acctNumber accountsList customerAccount clearingAccount deltaNeutralClearingAccount familyCode
    submitter extOperator rfqOperator mifid2DecisionMaker mifid2ExecutionTrader
    apiData opaqueIsvKey xyzResponse xyzChallenge
    """
)
# What a user calls things, and the broker's numbers for them: masked here, and in fields of free text.
NAMED = _words(
    """
    orderRef ocaGroup modelCode group faGroup faProfile settlingFirm deltaNeutralSettlingFirm designatedLocation
    legDesignatedLocation deltaNeutralDesignatedLocation softDollarTierName softDollarTierValue
    softDollarTierDisplayName algoId rfqText mifid2DecisionAlgo mifid2ExecutionAlgo apiName whiteBrandingId
    permId parentPermId execId
    """
)
FREE = _words(
    """
    errorString advancedOrderRejectJson warningText rejectReason completedStatus sharesAllocation algoValue
    routingValue orderMiscOptions advancedErrorOverride bulletinText text errorText contractInfo shareholder xml
    optionalCapabilities filter mktDataOptions mktDepthOptions chartOptions miscOptions options scaleTable
    """
)
_TO_STUDY = PERSONAL | NAMED | FREE
NUMBERS = frozenset({"permId", "parentPermId"})

UNSET = frozenset({"", UNSET_INTEGER, UNSET_LONG, UNSET_DOUBLE, UNSET_DECIMAL})
NO_NUMBER = UNSET | {"0", "-1"}
ALL = "All"  # the group of all accounts, and where a name is asked for, none
SHORTEST = 4  # shorter secrets are masked in their own fields only, for they would be found in every text
DISTINCT = 6

_IN_XML = re.compile(r"(<(?:name|alias|account|acct|string)>)([^<]+)", re.IGNORECASE)
_EXECUTION = re.compile(r"(.+)(\.[0-9]+\.[0-9]+)")  # a correction has another last number, which clients compare
_ADDRESS = r"(?<![\w.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![\w.])|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}\.[\w.-]{1,190}"
_ALONE = r"(?<![A-Za-z0-9])(?:%s)(?![A-Za-z0-9])"
_ACCOUNT = _ALONE % ACCOUNT.pattern.replace("(", "(?:")


class Scrubber:
    """Masks frames in order, and masks each secret that it has seen in every later frame."""

    def __init__(self, key: bytes, words: Iterable[str] = ()) -> None:
        self._masks = Masks(key)
        self._everywhere: dict[str, str] = {}  # each spelling of a secret → the secret
        self._in_free_text: dict[str, str] = {}
        self._pattern = re.compile("")
        for word in words:
            self._learn(word, everywhere=True)
        self._compile()

    def fields(self, names: Sequence[str], texts: Sequence[str]) -> list[str]:
        """Mask a frame of a known layout, its message id first."""
        if _TO_STUDY.isdisjoint(names) and not self._pattern.search("\0".join(texts)):
            return list(texts)  # ticks and bars, which come in thousands
        known = len(self._everywhere)
        self._study(names, texts)
        if len(self._everywhere) != known:
            self._compile()
        return [self._scrub(name, text) for name, text in zip(names, texts, strict=True)]

    def text(self, text: str) -> str:
        """Mask a free text: every known secret in it."""
        return self._replace(text, self._mask_spelling, free=False)

    def again(self, names: Sequence[str], texts: Sequence[str]) -> list[str]:
        """Mask a masked frame again with the secrets that were found since."""
        return [
            self._replace(text, self._mask_once, free=name in FREE) for name, text in zip(names, texts, strict=True)
        ]

    # --- what is secret ------------------------------------------------------------------------------------------

    def _study(self, names: Sequence[str], texts: Sequence[str]) -> None:
        for name, text in zip(names, texts, strict=True):
            if name in PERSONAL:
                for part in text.split(","):
                    self._learn(part, everywhere=True)
            elif name in NAMED and not (name in NUMBERS and text in NO_NUMBER):
                self._learn(_main_part(name, text), everywhere=False)
            elif name == "xml":
                for _, content in _IN_XML.findall(text):
                    self._learn(content, everywhere=False)

    def _learn(self, secret: str, *, everywhere: bool) -> None:
        if secret in UNSET or secret == ALL:
            return
        known = self._everywhere if everywhere else self._in_free_text
        known.update(dict.fromkeys(_spellings(plain(secret)), secret))

    def _compile(self) -> None:
        long = [secret for secret in self._everywhere if len(secret) >= SHORTEST]
        parts = [_spotted(secret) for secret in sorted(long, key=len, reverse=True)]
        self._pattern = re.compile("|".join([*parts, _ADDRESS, _ACCOUNT]))

    # --- masking -------------------------------------------------------------------------------------------------

    def _scrub(self, name: str, text: str) -> str:
        if name in PERSONAL:
            return ",".join(self._mask(part) for part in text.split(","))
        if name in NAMED:
            if name in NUMBERS and text in NO_NUMBER:
                return text
            main = _main_part(name, text)
            return self._mask(main) + text[len(main) :]
        return self._replace(text, self._mask_spelling, free=name in FREE)

    def _mask(self, text: str) -> str:
        return text if text in UNSET or text == ALL else self._masks.mask(text)

    def _mask_spelling(self, text: str) -> str:
        return self._mask(self._everywhere.get(text) or self._in_free_text.get(text) or text)

    def _mask_once(self, text: str) -> str:
        return text if self._masks.is_mask(text) else self._mask_spelling(text)

    def _replace(self, text: str, mask: Callable[[str], str], *, free: bool) -> str:
        """Mask all secrets of a text in one pass, so that no mask is masked again."""
        found = sorted((one for one in self._in_free_text if one in text), key=len, reverse=True) if free else []
        pattern = self._pattern
        if found:
            pattern = re.compile("|".join([*map(_spotted, found), pattern.pattern]))
        return pattern.sub(lambda match: mask(match[0]), text)


def _main_part(name: str, text: str) -> str:
    """Return the part of an execId that its corrections share."""
    correctable = _EXECUTION.fullmatch(text) if name == "execId" else None
    return correctable[1] if correctable else text


def _spellings(secret: str) -> set[str]:
    """Return a secret's spellings: plain, escaped by a gateway, in JSON and in XML."""
    texts = {secret, clean(secret)}
    return texts | {json.dumps(text)[1:-1] for text in texts} | {escape(text, {'"': "&quot;"}) for text in texts}


def _spotted(secret: str) -> str:
    """Return a secret's pattern; inside other letters it matches only a secret that is no part of a word or number."""
    distinct = len(secret) >= DISTINCT and any(each.isdigit() for each in secret) and not secret.isdecimal()
    return re.escape(secret) if distinct else _ALONE % re.escape(secret)


def veil(text: str) -> str:
    """Replace the fields of a frame without a known layout by their classes."""
    if text in UNSET or text in {"0", "1", "-1"}:
        return text
    return "".join(
        "9" if each.isdecimal() else ("X" if each.isupper() else "x") if each.isalpha() else each for each in text
    )
