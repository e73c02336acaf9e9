from __future__ import annotations

import pytest

from tests.docs.parsing import why_not
from tests.docs.reading import Block, Command, blocks_of, commands_of, filled, prints

PAGE = """
# A page

```sh
pairtrawl demo            # watch it
A=b pairtrawl plan -o "my run" \\
  x.warc
export D=folder && cd $D
```

```text
stage   found
read      ...
```

    make test     # indented, and a command all the same

    not a command

1. In a list:

   ```toml title="first.toml"
   name = "first"
   ```
"""


def test_commands_are_read_as_a_shell_reads_them() -> None:
    told = [one for one in commands_of(blocks_of("p", PAGE)) if isinstance(one, Command)]
    assert [(one.line, one.variables, one.words) for one in told] == [
        (5, (), ("pairtrawl", "demo")),
        (6, (("A", "b"),), ("pairtrawl", "plan", "-o", "my run", "x.warc")),
        (8, (("D", "folder"),), ()),
        (8, (), ("cd", "$D")),
        (16, (), ("make", "test")),
    ]
    assert told[3].output == "stage   found\nread      ...\n"


def test_other_blocks_keep_their_language_their_title_and_their_lines() -> None:
    others = [one for one in commands_of(blocks_of("p", PAGE)) if isinstance(one, Block)]
    assert [(one.language, one.title, one.text) for one in others] == [
        ("", "", "not a command\n"),
        ("toml", "first.toml", 'name = "first"\n'),
    ]


def test_what_was_printed_is_compared_line_by_line_and_in_order() -> None:
    said = "read      294     97\nextract  2,491  2,125  repeated 244\nend"
    assert prints(said, "read 294 97\n...\nend") == []
    assert prints(said, "extract ... repeated ...") == []
    assert prints(said, "end\nread 294 97") == ["read 294 97"]
    assert prints(said, "extract 2,491 2,126 ...") == ["extract 2,491 2,126 ..."]
    assert prints(said, "ead 294 97") == ["ead 294 97"]


def test_a_variable_that_nobody_set_is_an_error() -> None:
    assert filled("$D/x/${E}", {"D": "a", "E": "b"}) == "a/x/b"
    with pytest.raises(KeyError):
        filled("$NOBODY/x", {})


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("pairtrawl dataset commit STORE x -m y", ""),
        ("pairtrawl rebuild x --number-sample-per-shard 3 --noincremental_mode", ""),
        ("make prove-main DEMO=x", ""),
        ("pip install .[clip,ray]", ""),
        ("sbatch anything --at-all", ""),
        ("pairtrawl datasets", "no verb datasets"),
        ("pairtrawl dataset comit STORE", "no verb dataset comit"),
        ("pairtrawl crawl --recip x", "no option --recip"),
        ("make prove-nothing", "no target prove-nothing"),
        ("pip install .[klip]", "no extras ['klip']"),
        ("python benchmarks/none.py", "no file benchmarks/none.py"),
        ("python benchmarks/big_run.py --none", "no option --none"),
    ],
)
def test_what_does_not_exist_is_said(words: str, why: str) -> None:
    assert why_not(words.split()) == why
