"""Drop candidates whose image or page has an address that carries a credential: it was meant for one reader.

A credential is a user name or password before the host, or one of the query `parameters`, if it has a value. They are
written without "-" and "_", in any letter case; "xamz*" is every name that begins so, such as X-Amz-Signature. Signed
addresses also expire: of a data set's rows they would be the first to die.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from crawler.errors import SettingsError
from crawler.records import Candidate, Verdict
from filters.redrawn import Redrawn, judging_candidates

#: before the path, so that an "@" in a path is none
_USERINFO = re.compile(r"https?://[^/?#]*@", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9]+\*?")


@dataclass(frozen=True, slots=True)
class UrlSecret:
    """Judges by the addresses of picture and page."""

    parameters: tuple[str, ...] = (
        "token", "accesstoken", "authtoken", "idtoken", "oauthtoken", "refreshtoken", "sessiontoken", "jwt", "sig",
        "signature", "hmac", "xamz*", "xgoog*", "xoss*", "xcos*", "awsaccesskeyid", "googleaccessid", "keypairid",
        "apikey", "accesskey", "authkey", "secretkey", "secret", "clientsecret", "auth", "authorization", "password",
        "passwd", "pwd", "sessionid", "phpsessid", "jsessionid",
    )  # fmt: skip
    _secret: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in self.parameters:
            if not _NAME.fullmatch(name):
                raise SettingsError(
                    f'parameters: {name!r} is not small letters and digits, with or without a final "*"'
                )
        names = "|".join(name.replace("*", "[a-z0-9]*") for name in self.parameters)
        # servers of Java write ";jsessionid=" before the "?"
        object.__setattr__(self, "_secret", re.compile(f"[?&;](?:{names})=[^&;]" if names else r"(?!)"))

    def judge(self, batch: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate, in order."""
        return [Verdict(not any(map(self._holds, (candidate.image_url, candidate.page_url)))) for candidate in batch]

    def redrawn(self) -> Redrawn:
        """By both addresses."""
        return judging_candidates(self.judge, "url", "page_url")

    def _holds(self, url: str) -> bool:
        if "@" in url and _USERINFO.match(url):
            return True
        address = url.partition("#")[0].lower().replace("-", "").replace("_", "") if "=" in url else ""
        return self._secret.search(address) is not None


build = UrlSecret
