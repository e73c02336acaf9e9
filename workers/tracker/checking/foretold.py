"""Which rows of a plan end before anything is asked for: that follows from the plan, so that nobody may say otherwise.

Without this a worker could leave out a language, or whatever it does not like, under the name of a filter.
"""

from __future__ import annotations

from crawler.courtesy.agent import token_of
from crawler.job import JobKind, Tools
from crawler.job.judging import judge_all
from crawler.records import Fault
from crawler.rights.opt_outs import page_refusal
from crawler.tables import read_candidates
from workers.tracker.checking.looked import Evidence


def foretold(evidence: Evidence, tools: Tools) -> dict[int, str]:
    """The reasons of rows that the candidate filters turn away, or that their pages keep, by the row's index.

    Raises:
        InputError: the plan's table cannot be read any more.
    """
    if evidence.kind not in (JobKind.CRAWL, JobKind.FETCH) or evidence.input is None:
        return {}
    recipe, found = tools.recipe, dict[int, str]()
    token = token_of(recipe.fetch.user_agent)
    rows = [candidate for group in read_candidates(evidence.input) for candidate in group]
    for index, (candidate, ruling) in enumerate(zip(rows, judge_all(tools.candidate_filters, rows), strict=True)):
        if ruling is not None:
            found[index] = ruling[0]
        elif page_refusal(candidate.opt_outs, recipe.opt_outs, token):
            found[index] = Fault.PAGE_OPTED_OUT.value
    return found
