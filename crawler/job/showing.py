"""Which pictures of rejected rows may become thumbnails: none that a list names, whoever rejected it first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawler.job.judging import judge_all

if TYPE_CHECKING:
    from crawler.job import Tools
    from crawler.job.looking import Turned
    from crawler.records import Picture
    from crawler.thumbnails import Thumbnails


def may_be_shown(gone: Turned, picture: Picture, tools: Tools, thumbnails: Thumbnails) -> bool:
    """Whether a picture that a filter has just rejected is to be a thumbnail.

    The lists that would have been asked after that filter are asked for it now: a picture that is too small and stands
    on a list, too, is not shown as one that is too small.
    """
    if gone.reason in tools.screening.withheld or not thumbnails.wants(gone.row, gone.reason):
        return False
    names = [name for name, _ in tools.picture_filters]
    later = tools.picture_filters[names.index(gone.reason) + 1 :]
    withheld = tools.screening.withheld
    unasked = [(name, one) for name, one in later if name in withheld or not tools.showing.shows(name)]
    return judge_all(unasked, [picture]) == [None]
