"""A financial advisor's set-up: groups of accounts and their aliases, as XML that clients read and replace."""

from __future__ import annotations

import re
from decimal import Decimal
from html import escape
from xml.etree import ElementTree as Xml

from ibgateway.simulator.model.errors import Refusal
from ibgateway.simulator.world.account.allocation import EQUAL, Group

GROUPS, PROFILES, ALIASES = 1, 2, 3
ROOTS = {GROUPS: "ListOfGroups", ALIASES: "ListOfAccountAliases"}
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
LONGEST = 100_000
AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{0,12})?")


class Advisor:
    """Every account is in the group "All"; replacing keeps what the client sends."""

    def __init__(self, accounts: tuple[str, ...]) -> None:
        members = "".join(f"<String>{escape(each)}</String>" for each in accounts)
        aliases = "".join(
            f"<AccountAlias><account>{escape(each)}</account><alias>{escape(each)}</alias></AccountAlias>"
            for each in accounts
        )
        group = f'<Group><name>All</name><ListOfAccts varName="list">{members}</ListOfAccts>'
        self._xml = {
            GROUPS: f"{HEAD}<ListOfGroups>{group}<defaultMethod>Equal</defaultMethod></Group></ListOfGroups>",
            ALIASES: f"{HEAD}<ListOfAccountAliases>{aliases}</ListOfAccountAliases>",
        }

    def config(self, kind: int) -> str:
        """TWS has no more profiles: they are groups since version 177."""
        if kind not in self._xml:
            raise Refusal(321, "Error validating request.-'bC' : cause - Invalid FA data type")
        return self._xml[kind]

    def groups(self) -> dict[str, Group]:
        """The groups as orders can name them; members without an amount count as one."""
        found = (_group(each) for each in Xml.fromstring(self._xml[GROUPS].encode()).iter("Group"))
        return {name: group for name, group in found if group.amounts}

    def replace(self, kind: int, xml: str) -> str:
        """Keep what is well formed and of the right kind, and say so."""
        self.config(kind)
        if len(xml) > LONGEST or "<!" in xml:  # a document type could make entities that grow without end
            raise Refusal(10230, "You have unsaved FA changes. Please retry 'request FA' operation later")
        try:
            root = Xml.fromstring(xml).tag
        except Xml.ParseError as error:
            raise Refusal(574, "FA data operations are not supported for this XML") from error
        if root != ROOTS[kind]:
            raise Refusal(574, f"FA data operations are not supported for this XML: {root[:40]}")
        self._xml[kind] = xml
        return "FA data operation is successful"


def _group(node: Xml.Element) -> tuple[str, Group]:
    """Members are `<String>DU1</String>`, or `<Account><acct>DU1</acct><amount>2.0</amount></Account>` since 177."""
    amounts = {(each.text or "").strip(): Decimal(1) for each in node.iter("String")}
    for each in node.iter("Account"):
        amounts[each.findtext("acct", "").strip()] = _amount(each.findtext("amount", "1"))
    return node.findtext("name", "").strip(), Group(node.findtext("defaultMethod", EQUAL).strip(), amounts)


def _amount(text: str) -> Decimal:
    return Decimal(text) if AMOUNT.fullmatch(text) else Decimal(0)
