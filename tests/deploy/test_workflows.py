"""The workflows: what CI runs, and that a release is pinned, signed, described and of one version."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.tools import find_tool, needs, run_installed

FOLDER = Path(".github/workflows")
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return found


def step(job: dict[str, Any], uses: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [each for each in job["steps"] if each.get("uses", "").startswith(uses)]
    assert len(found) == 1
    return found[0]


@needs("jactionlint")
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
def test_the_linter_finds_nothing(workflow: Path) -> None:
    said = run_installed(str(find_tool("jactionlint")), str(workflow))

    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
def test_every_foreign_action_is_pinned_by_commit_and_says_its_version(workflow: Path) -> None:
    used = re.findall(r"uses: (?!\./)(.+)", workflow.read_text())

    assert [each for each in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=str)
def test_a_workflow_may_read_and_only_a_job_that_publishes_may_write(workflow: Path) -> None:
    told = read(workflow.name)
    writers = {name for name, job in told["jobs"].items() if "write" in (job.get("permissions") or {}).values()}

    assert told["permissions"] == {"contents": "read"}
    assert writers <= {"images", "chart", "notes"}


def test_ci_runs_what_every_machine_can_run() -> None:
    assert ".ci/run" in [each.get("run") for each in read("ci.yml")["jobs"]["run"]["steps"]]


def test_nothing_is_published_before_ci_passed_on_the_same_commit() -> None:
    jobs = read("release.yml")["jobs"]

    assert jobs["ci"] == {"uses": "./.github/workflows/ci.yml"}
    assert "ci" in jobs["images"]["needs"]
    assert "images" in jobs["chart"]["needs"]
    assert {"images", "chart"} <= set(jobs["notes"]["needs"])


def test_each_image_is_built_for_both_platforms_with_its_parts_and_its_making_told() -> None:
    job = read("release.yml")["jobs"]["images"]
    build = step(job, "docker/build-push-action")

    assert build["with"]["platforms"] == "linux/amd64,linux/arm64"
    assert build["with"]["sbom"] is True
    assert build["with"]["provenance"] == "mode=max"
    assert "SOURCE_DATE_EPOCH" in build["env"]
    folders = {each["folder"] for each in job["strategy"]["matrix"]["include"]}
    assert folders == {each.parent.name for each in Path().glob("*/Dockerfile")}


def test_images_and_chart_are_signed_by_digest_and_without_a_key() -> None:
    jobs = read("release.yml")["jobs"]

    for name in ("images", "chart"):
        (signing,) = re.findall(r"cosign sign .+", yaml.safe_dump(jobs[name], width=1000))
        assert "@$" in signing
        assert "--key" not in signing
        assert jobs[name]["permissions"]["id-token"] == "write"


def test_the_chart_and_the_project_are_of_one_version() -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load(Path("deploy/helm/ibkr-tws-mcp/Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (project, project)
