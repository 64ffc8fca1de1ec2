"""Claude Code's own tool search, asked the questions of questions.toml, with no word changed."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.hosts import claude_code
from tests.hosts.installation import HERE
from tests.hosts.models.anthropic_messages import PREFIX, SEARCH
from tests.hosts.models.scripted_model import Step

LISTED = 5  # results of a search, by default
FIRST_IN, LISTED_IN = 20, 23


@dataclass(frozen=True)
class Question:
    """A question, and the tools of which one answers it."""

    text: str
    tools: frozenset[str]


@dataclass(frozen=True)
class Found:
    """The tools that the search listed for a question, best first."""

    question: Question
    names: list[str]

    @property
    def first(self) -> bool:
        return bool(self.question.tools & set(self.names[:1]))

    @property
    def listed(self) -> bool:
        return bool(self.question.tools & set(self.names))


def questions() -> list[Question]:
    """Read the questions; their tools by the host's names."""
    rows = tomllib.loads((HERE / "questions.toml").read_text(encoding="utf-8"))["question"]
    return [Question(row["text"], frozenset(f"{PREFIX}ibkr_{tool}" for tool in row["tools"])) for row in rows]


async def searched(url: str) -> list[Found]:
    """Ask the host each question in one run, and return what it listed."""
    asked = questions()
    model = claude_code.model([Step(SEARCH, {"query": each.text, "max_results": LISTED}) for each in asked])
    await claude_code.printed(url, model)
    return [Found(question, result.split()) for question, result in zip(asked, model.results(), strict=True)]


def faults(found: list[Found]) -> Iterator[str]:
    first, listed = sum(each.first for each in found), sum(each.listed for each in found)
    if first < FIRST_IN or listed < LISTED_IN:
        yield f"the right tool is first in {first} (of at least {FIRST_IN}) and listed in {listed} (of {LISTED_IN})"
    for each in found:
        if not each.first and (first < FIRST_IN or not each.listed):
            yield f"{each.question.text}: {', '.join(each.names).replace(PREFIX, '') or 'nothing'}"
