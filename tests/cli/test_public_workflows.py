"""Public MWAA Serverless workflows, unchanged, run to their end in this process."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from leeward.cli.main import main

FOLDER = Path(__file__).parents[3] / "shared" / "samples" / "mwaa-serverless" / "awslabs-converter"
PROCESS = "def process_data(data_source):\n    return data_source.rpartition('/')[2]\n"

pytestmark = pytest.mark.skipif(not FOLDER.exists(), reason="the public workflows are not beside this checkout")


@pytest.mark.parametrize(
    ("name", "modules", "tasks", "xcoms"),
    [
        ("valid_test_dag.yaml", {}, 1, {}),
        (
            "bash_only_dag.yaml",
            {},
            6,
            {"create_workspace": "Workspace created", "cleanup_workspace": "Workspace cleaned"},
        ),
        ("dynamic_dag_sales.yaml", {"dag_gen_config.py": PROCESS}, 5, {"process_customers": "customers"}),
    ],
)
def test_workflow_runs_to_its_end(
    name: str, modules: dict[str, str], tasks: int, xcoms: dict[str, str], tmp_path: Path
) -> None:
    shutil.copy(FOLDER / name, tmp_path)
    for module, text in modules.items():
        (tmp_path / module).write_text(text)
    result = CliRunner().invoke(main, ["run", str(tmp_path / name), "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [row[2] for row in found["tasks"]] == ["success"] * tasks
    assert xcoms.items() <= {task_id: value for task_id, _, value in found["xcom"]}.items()
