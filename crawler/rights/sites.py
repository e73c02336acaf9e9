"""What a site says of an address before it is asked for: robots.txt, tdmrep.json, ai.txt, and Content-Usage lines.

The files of an origin are asked for once in a run, by whoever comes first (`desk.RuleStore`), and only what of them
concerns us is kept. Asking for them is asking: each request has its turn at the host, and a deadline.

The image's own host counts, not the page's. A host that cannot be asked is left alone (RFC 9309 section 2.3.1.4), and
where its images could not be had either, for it has no name or takes no connection, the word says that.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from crawler.courtesy.agent import token_of
from crawler.courtesy.desk import FileState, RuleStore, SiteFile, SiteFiles, TurnRefusedError, Turns
from crawler.records import Fault
from crawler.rights.content_usage import refuses_training
from crawler.rights.robots import Robots, our_part
from crawler.rights.rule_files import ABSENT, ask_for
from crawler.rights.site_word import SiteWord
from crawler.rights.tdmrep import TdmRep, rules_in
from crawler.settings import Fetch, Manners, OptOuts
from crawler.wire.admission import Admitted
from crawler.wire.answers import Get

_ROBOTS, _TDMREP, _AI_TXT = "/robots.txt", "/.well-known/tdmrep.json", "/ai.txt"
#: RFC 9309 section 2.4: no longer than a day
_DAY_SECONDS = 86_400.0
#: a host that could not be asked may be back soon, and until then loses its images: they are not asked for
_UNREACHABLE_SECONDS = 600.0
#: many servers answer any unknown path with an error, every time; nothing is lost but the request
_OTHERS_UNREACHABLE_SECONDS = 3_600.0
#: what an entry takes beside its rules
_ENTRY_CHARACTERS = 100
#: hosts whose Crawl-delay was passed on, so that it is not with every image
_SLOWED_HOSTS = 65_536

_NOTHING_SAID = SiteWord()

_T = TypeVar("_T")


class SiteRules:
    """`site_word.Sites` over what the web says.

    One per process and job: it keeps rules parsed, `parsed_characters` of them, which take 13 to 20
    times as many bytes.
    `now` gives seconds since 1970.
    """

    def __init__(
        self,
        get: Get,
        rules: RuleStore,
        turns: Turns,
        fetch: Fetch,
        opt_outs: OptOuts,
        manners: Manners,
        *,
        now: Callable[[], float] = time.time,
        parsed_characters: int = 1024 * 1024,
    ) -> None:
        self._get = get
        self._rules = rules
        self._turns = turns
        self._fetch = fetch
        self._opt_outs = opt_outs
        self._manners = manners
        self._now = now
        self._token = token_of(fetch.user_agent)
        self._robots = _Parsed(Robots, parsed_characters)
        self._tdmrep = _Parsed(TdmRep, parsed_characters)
        self._slowed: OrderedDict[str, float] = OrderedDict()

    async def word_on(self, step: Admitted) -> SiteWord:
        """See `Sites.word_on`."""
        origin = f"{step.url.partition(':')[0]}://{step.authority}"
        try:
            files = await self._rules.of(origin, partial(self._ask, origin, step.host))
        except TurnRefusedError as error:
            return SiteWord(error.fault, error.detail)
        if files.robots.state is FileState.UNREACHABLE:
            return SiteWord(files.robots.fault or Fault.ROBOTS_UNKNOWN, f"robots.txt: {files.robots.detail}")
        if not (files.robots.text or files.tdmrep.text or files.ai_txt.text):
            return _NOTHING_SAID
        robots = self._robots.of(files.robots.text)
        if not robots.allows(step.url):
            return SiteWord(Fault.ROBOTS_REFUSED)
        if not self._keeps_pace(step.host, robots):
            return SiteWord(Fault.ROBOTS_REFUSED, f"Crawl-delay: {robots.crawl_delay_seconds:g}")
        return self._word(step.url, robots, files)

    def _word(self, url: str, robots: Robots, files: SiteFiles) -> SiteWord:
        """What the files say of an address that may be crawled: all of it, and the first that refuses."""
        usage = robots.usage(url)
        signals = [f"robots.txt: content-usage: {label}={'y' if usage[label] else 'n'}" for label in sorted(usage)]
        refusals = ["robots.txt: Content-Usage"] if self._opt_outs.content_usage and refuses_training(usage) else []
        said = self._tdmrep.of(files.tdmrep.text).on(url)
        if said.reserved is not None:
            signals.append(f"tdmrep.json: {int(said.reserved)}")
        if said.policy:
            signals.append(f"tdmrep.json policy: {said.policy}")
        if said.reserved and self._opt_outs.tdm_reservation:
            refusals.append("tdmrep.json")
        if not self._robots.of(files.ai_txt.text).allows(url):
            signals.append("ai.txt: disallowed")
            refusals.append("ai.txt")  # it is asked for where the recipe honours it
        fault, detail = (Fault.SITE_OPTED_OUT, refusals[0]) if refusals else (None, "")
        return SiteWord(fault, detail, tuple(signals))

    def _keeps_pace(self, host: str, robots: Robots) -> bool:
        """Slow down to the Crawl-delay; False where it is longer than we wait."""
        seconds = robots.crawl_delay_seconds
        if not seconds:
            return True
        if seconds > self._manners.longest_crawl_delay_seconds:
            return False
        if self._slowed.get(host) != seconds:
            self._turns.slow_to(host, seconds)
            self._slowed[host] = seconds
            if len(self._slowed) > _SLOWED_HOSTS:
                self._slowed.popitem(last=False)
        return True

    async def _ask(self, origin: str, host: str) -> SiteFiles:
        """Ask an origin for its files.

        Raises:
            TurnRefusedError: there is no turn at the host for robots.txt.
        """
        robots = tdmrep = ai_txt = ABSENT
        if self._opt_outs.robots_txt:
            robots = await self._file(origin + _ROBOTS, self._our_part)
        if robots.state is not FileState.UNREACHABLE:
            rules = self._robots.of(robots.text)
            if self._keeps_pace(host, rules):
                if self._opt_outs.tdmrep_file and rules.allows(origin + _TDMREP):
                    tdmrep = await self._lesser_file(origin + _TDMREP, rules_in)
                if self._opt_outs.ai_txt and rules.allows(origin + _AI_TXT):
                    ai_txt = await self._lesser_file(origin + _AI_TXT, self._our_part)
        return SiteFiles(self._now() + _lifetime_seconds(robots, tdmrep, ai_txt), robots, tdmrep, ai_txt)

    def _our_part(self, body: bytes) -> str:
        return our_part(body, self._token)

    async def _file(self, url: str, reduced: Callable[[bytes], str]) -> SiteFile:
        return await ask_for(url, reduced, get=self._get, fetch=self._fetch, now=self._now)

    async def _lesser_file(self, url: str, reduced: Callable[[bytes], str]) -> SiteFile:
        """A file without which we go on: that there is no turn for it must not cost us the robots.txt we have."""
        try:
            return await self._file(url, reduced)
        except TurnRefusedError as error:
            return SiteFile(FileState.UNREACHABLE, detail=error.detail)


def _lifetime_seconds(robots: SiteFile, *others: SiteFile) -> float:
    if robots.state is FileState.UNREACHABLE:
        return _UNREACHABLE_SECONDS
    if any(other.state is FileState.UNREACHABLE for other in others):
        return _OTHERS_UNREACHABLE_SECONDS
    return _DAY_SECONDS


class _Parsed(Generic[_T]):
    """Rules parsed from their text, the latest that go into so many characters: sites with the same text share one."""

    def __init__(self, parse: Callable[[str], _T], most_characters: int) -> None:
        self._parse = parse
        self._most_characters = most_characters
        self._known: OrderedDict[str, _T] = OrderedDict()
        self._characters = 0

    def of(self, text: str) -> _T:
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        parsed = self._known[text] = self._parse(text)
        self._characters += len(text) + _ENTRY_CHARACTERS
        while self._characters > self._most_characters and len(self._known) > 1:
            forgotten, _ = self._known.popitem(last=False)
            self._characters -= len(forgotten) + _ENTRY_CHARACTERS
        return parsed
