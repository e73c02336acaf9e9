"""The errors that a person can do something about.

What a web server does wrong is never an exception: it is a `Rejected` with a reason. What is left is either the user's
to mend (`SettingsError`, `InputError`, `RunFolderError`), the weather's (`ArchiveUnavailableError`), or our own bug,
which is any other exception and ends the job.
"""


class PairtrawlError(Exception):
    """Base of all errors whose text is meant for the person at the keyboard: it names the thing and the remedy."""


class SettingsError(PairtrawlError):
    """A recipe, flag or filter setting is wrong; the message names file and key."""


class InputError(PairtrawlError):
    """An input is missing or is not what it was said to be; the message names it."""


class RunFolderError(PairtrawlError):
    """The output folder holds something else than the run that was asked for."""


class ArchiveUnavailableError(PairtrawlError):
    """An archive could not be had from its server after all tries that etiquette allows; trying later may help."""


class ScreeningError(PairtrawlError):
    """A removal list would take out implausibly much; the message names the filter, and never an entry."""


class MissingPackageError(PairtrawlError):
    """An optional package is not installed or does not work; the message says what to install."""


class ProcessLostError(PairtrawlError):
    """A process that the jobs of a run share cannot be reached; trying again may help."""


class DeskLostError(ProcessLostError):
    """The process that keeps all workers of a run polite together cannot be reached."""


class IndexLostError(ProcessLostError):
    """The processes that know which files were seen before cannot be reached."""


class EngineLostError(ProcessLostError):
    """The processes that hold the models cannot be reached."""


class DatasetError(PairtrawlError):
    """A store of versions, or something in it, is not what it should be; the message names it."""


class StoreUnavailableError(PairtrawlError):
    """A store of versions could not be reached, or failed; trying later may help."""


class RefMovedError(PairtrawlError):
    """Somebody else has moved a ref in the meantime; what was stored is kept, and the same command goes on."""
