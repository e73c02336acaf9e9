"""The docs cannot drift: reasons, links and commands in them are compared with the code.

`python tests/test_docs.py` writes the pages anew that are made from the code: docs/reasons.md, docs/recipe.md,
docs/commands.md and docs/decisions/README.md. Commands are run by tests/docs.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

ROOT = Path(__file__).resolve().parent.parent
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from crawler.extract import NoCandidate  # noqa: E402 - the path first, where this is a script
from crawler.read import Skip  # noqa: E402 - as above
from crawler.reasons import REASONS  # noqa: E402 - as above
from crawler.records import Fault  # noqa: E402 - as above
from filters import catalogue  # noqa: E402 - as above
from tests.checklist import CASES, named_tests  # noqa: E402 - as above
from tests.docs.commands_page import commands_page  # noqa: E402 - as above
from tests.docs.decisions_page import decisions_page  # noqa: E402 - as above
from tests.docs.recipe_page import recipe_page, settings_without_a_word  # noqa: E402 - as above
from workers.cli import app  # noqa: E402 - as above

PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "slurm" / "README.md", *(ROOT / "docs").rglob("*.md")]
)


def reasons_page() -> str:
    lines = [
        "# Reasons",
        "",
        "Why something is not in the data set. `found == kept + sum(rejected by reason)` at every stage of a report;",
        "the reason of a row stands in its `reason` column. Written by `python tests/test_docs.py` from the code.",
    ]
    for title, values in (
        ("Records of an archive that are no page", [one.value for one in Skip]),
        ("Images of a page that are no candidate", [one.value for one in NoCandidate]),
        ("Candidates", [one.value for one in Fault]),
    ):
        lines += ["", f"## {title}", "", "| reason | what happened |", "|---|---|"]
        lines += [f"| `{value}` | {REASONS[value]} |" for value in values]
    lines += ["", "## Filters", "", "A filter's reason is its name.", "", "| reason | it keeps |", "|---|---|"]
    lines += [f"| `{name.split('.')[1]}` | {what} |" for name, what, _ in catalogue()]
    return "\n".join(lines) + "\n"


#: pages that are made from the code
MADE: dict[str, Callable[[], str]] = {
    "docs/reasons.md": reasons_page,
    "docs/recipe.md": recipe_page,
    "docs/commands.md": commands_page,
    "docs/decisions/README.md": decisions_page,
}


@pytest.mark.parametrize("page", MADE)
def test_a_page_that_is_made_from_the_code_is_what_the_code_says(page: str) -> None:
    assert (ROOT / page).read_text() == MADE[page](), "renew it with: python tests/test_docs.py"


def test_every_setting_of_a_recipe_says_what_it_is() -> None:
    assert settings_without_a_word() == []


def test_every_case_of_the_adversarial_checklist_has_a_test_and_a_line() -> None:
    text = (ROOT / "docs/adversarial.md").read_text()
    tested = named_tests(ROOT / "tests")
    assert [number for number in CASES if number not in tested] == []
    assert [number for number in CASES if f"\n| {number} |" not in text] == []


def _without_code(text: str) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", _without_code(page.read_text())):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_the_docs_name_exist(page: Path) -> None:
    for name in re.findall(r"`((?:crawler|filters|workers|tests|benchmarks|examples)/[\w/.-]+)`", page.read_text()):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_make_targets_and_verbs_in_the_docs_exist(page: Path) -> None:
    text, makefile = page.read_text(), (ROOT / "Makefile").read_text()
    for target in re.findall(r"(?:^|`|    )make ([a-z][a-z-]+)", text, re.MULTILINE):
        assert f"\n{target}:" in makefile, target
    assert unknown_commands(text) == []


@pytest.mark.parametrize("folder", ["crawler", "filters", "workers", "slurm", "examples"])
def test_verbs_that_messages_and_comments_name_exist(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".sh", ".sbatch", ".env", ".toml"}]
    assert files
    assert [f"{path}: {one}" for path in files for one in unknown_commands(path.read_text())] == []


@cache
def commands() -> Mapping[str, object]:
    """The verbs of the command line."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return group.commands


def unknown_commands(text: str) -> list[str]:
    """What a text calls a command of ours, and is none."""
    unknown = []
    known = commands()
    for verb, second in re.findall(
        r"(?:^|`|    |/|: )pairtrawl ([a-z][a-z-]*)(?: ([a-z][a-z0-9-]*))?", text, re.MULTILINE
    ):
        command = known.get(verb)
        is_known = not second or not isinstance(command, TyperGroup) or second in command.commands
        if command is None or not is_known:
            unknown.append(f"pairtrawl {verb} {second}")
    return unknown


def test_every_filter_is_in_the_docs() -> None:
    page = (ROOT / "docs/filters.md").read_text()
    for name, _, settings in catalogue():
        assert f"`{name}`" in page
        for setting in settings:
            assert f"`{setting.name}" in page, f"{name}: {setting.name}"


def test_every_public_function_and_class_says_what_it_does() -> None:
    silent = []
    for path in [path for folder in ("crawler", "filters", "workers") for path in (ROOT / folder).rglob("*.py")]:
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                silent.append(f"{path}:{node.lineno}")
    assert silent == []


#: the one place where verification of TLS can be turned off, by name: img2dataset's `ignore_ssl_certificate`
ALLOWED = {("crawler/wire/client.py", "CERT_NONE"): 1}


def test_nothing_here_does_what_security_forbids() -> None:
    words = ["os.system", "shell=True", "pickle.load", "verify=False", "CERT_NONE"]
    patterns = {word: rf"(?<!\w){re.escape(word)}" for word in words}  # also behind a dot: ssl.CERT_NONE
    patterns |= {word: rf"(?<![\w.]){re.escape(word)}" for word in ("eval(", "exec(")}  # model.eval() is torch's
    patterns["extractall("] = r"extractall\((?!.*filter=)"
    found: Counter[tuple[str, str]] = Counter()
    for path in [
        path for folder in ("crawler", "filters", "workers", "benchmarks") for path in (ROOT / folder).rglob("*.py")
    ]:
        name = path.relative_to(ROOT).as_posix()
        for line in path.read_text().splitlines():
            found.update((name, word) for word, pattern in patterns.items() if re.search(pattern, line))
    assert found == ALLOWED


if __name__ == "__main__":
    for made, text in MADE.items():
        (ROOT / made).write_text(text())
