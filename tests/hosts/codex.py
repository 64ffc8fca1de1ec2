"""Codex with a scripted model: `codex exec`."""

import asyncio
import os
import shutil

from tests.hosts.installation import PLACE, codex
from tests.hosts.models.openai_responses import OpenAIResponses
from tests.hosts.models.scripted_model import ScriptedModel, Step, served

WITHIN_S = 240.0
# A name that Codex knows: this model has long answers and deferred tools. Any other has 12,000 characters an answer.
KNOWN_MODEL = "gpt-6.1-sol"
CONFIG = """\
model = "{model}"
model_provider = "scripted"
approval_policy = "never"
sandbox_mode = "danger-full-access"
[model_providers.scripted]
name = "scripted"
base_url = "http://127.0.0.1:{port}/v1"
wire_api = "responses"
[mcp_servers.ibkr]
url = "{url}"
default_tools_approval_mode = "approve"
tool_timeout_sec = 120
[features]
mcp_2026_07_28 = {forms}
"""


def model(script: list[Step]) -> ScriptedModel:
    return ScriptedModel(OpenAIResponses(), script)


async def executed(url: str, scripted: ScriptedModel, forms: bool = False) -> str:
    """Run `codex exec` to its end, and return its output. With forms it declares MCP 2026-07-28, off by default."""
    home = PLACE / "codex"
    shutil.rmtree(home, ignore_errors=True)
    (home / ".codex").mkdir(parents=True)
    with served(scripted) as port:
        environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
        config = CONFIG.format(model=KNOWN_MODEL, port=port, url=url, forms=str(forms).lower())
        (home / ".codex" / "config.toml").write_text(config, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            codex(), "exec", "--skip-git-repo-check", "go", cwd=home, env=environment,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            async with asyncio.timeout(WITHIN_S):
                output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return output.decode(errors="replace")
