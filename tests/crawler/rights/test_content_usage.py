from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.rights.content_usage import most_restrictive, refuses_training, usage_of

NO = {"train-ai": False}


# checklist 49
@pytest.mark.parametrize(
    ("values", "usage"),
    [
        (["train-ai=n"], NO),
        (["train-ai=y, search=n"], {"train-ai": True, "search": False}),
        (["  train-ai=n\t"], NO),
        (["train-ai=n;why=1;because"], NO),
        (["train-ai=n", "search=y"], {"train-ai": False, "search": True}),  # two lines are one dictionary
        (["train-ai=n", "", " "], NO),
        (["train-ai=n, train-ai=y"], {"train-ai": True}),  # the last counts: RFC 9651 section 4.2.2
        (["new.label-2=n"], {"new.label-2": False}),
        # unknown, which is not the same as allowed
        (["Train-AI=n"], {}),
        (["train-ai=N"], {}),
        (["train-ai=no"], {}),
        (['train-ai="n"'], {}),
        (["train-ai=?0"], {}),
        (["train-ai=(n)"], {}),
        (["train-ai"], {}),
        (["train-ai=n, train-ai"], {}),
        # no dictionary, so nothing is known
        (["train-ai=n,"], {}),
        (["train-ai = n"], {}),
        (["train-ai=n search=y"], {}),
        (["train-ai=n", "!"], {}),
        (["train-ai=n, café=y"], {}),
        (["train-ai=n, x=@99999999999999"], {}),
        (["train-ai=n\x00"], {}),
        ([""], {}),
        ([], {}),
    ],
)
def test_only_the_tokens_y_and_n_are_preferences(values: list[str], usage: dict[str, bool]) -> None:
    assert usage_of(values) == usage


def test_megabytes_are_no_preference() -> None:
    assert usage_of(["train-ai=n" + ", a=(" * 1_000_000]) == {}
    assert usage_of(["train-ai=n"] * 100_000) == {}


@given(st.lists(st.text() | st.text(alphabet='abn=y,;()"@%:?019.*- \t\\')))
def test_no_value_raises(values: list[str]) -> None:
    usage = usage_of(values)
    assert all(label == label.lower() for label in usage)
    assert most_restrictive(usage, usage) == usage
    refuses_training(usage)


# checklist 49
def test_of_several_statements_the_most_restrictive_counts() -> None:
    header, robots_txt = {"train-ai": True, "search": True}, {"train-ai": False}
    assert most_restrictive(header, robots_txt) == most_restrictive(robots_txt, header) == NO | {"search": True}
    assert most_restrictive() == most_restrictive({}) == {}


@pytest.mark.parametrize(
    ("value", "refuses"),
    [
        ("train-ai=n", True),
        ("train-ai=y", False),
        ("search=n", False),
        ("ai-use=n, inference=n", False),
        ("", False),
        # labels of earlier drafts
        ("ai=n", True),
        ("genai=n, ai=y", True),
        ("train-genai=n", True),
        ("all=n", True),
        ("bots=n", True),
        ("tdm=n", True),
        ("tdm=n, ai=y", False),  # the narrower use comes first
        ("all=n, train-ai=y", False),
        ("bots=y", False),
        ("all=n, search=y", True),
    ],
)
def test_a_clear_no_to_training_in_any_draft_refuses(value: str, refuses: bool) -> None:
    assert refuses_training(usage_of([value])) == refuses
