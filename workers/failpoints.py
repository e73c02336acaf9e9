"""Places where a test may kill the process: one before and one after everything that is meant to last.

PAIRTRAWL_FAILPOINT=NAME kills with SIGKILL at the first arrival at NAME, PAIRTRAWL_FAILPOINT=NAME:3 at the third.
Nothing is flushed, closed or removed, as when the power goes. A test goes through `FAILPOINTS`, kills at each, starts
again and compares what there is in the end with an undisturbed run.
"""

from __future__ import annotations

import os
import signal

#: every name that there is, sorted; a test holds them against the calls in the source. Add yours with a comment
FAILPOINTS: frozenset[str] = frozenset(
    {
        "apply.landed",  # the files of a shard are in their places, and the journal does not say so
        "apply.noted",  # the journal says that the files of a shard wait, and the old ones are in their places
        "apply.placing",  # some files of a shard are in their places, and others wait
        "apply.staged",  # the files of a shard are whole, and the journal does not know
        "checking.concluded",  # the verdict lasts, and nothing was promoted
        "checking.looked",  # the looks have been had, and nobody knows what they said
        "checking.promoted",  # the job is committed, and the checker has not gone on
        "checking.withdrawn",  # files of what was taken back are gone, and the database does not know
        "dataset.commit_written",  # the manifest is in the store, and no ref leads to it
        "dataset.described",  # list and descriptions are in the store, and nothing is signed
        "dataset.leaves_stored",  # table, tar, index and leaves of a shard are in the store, and its salts are not
        "dataset.list_stored",  # the list of shards is in the store
        "dataset.ref_moved",  # the version is there, and nobody has been told
        "dataset.shard_noted",  # a shard is in the store, and there is a note of it
        "dataset.shard_stored",  # a shard is in the store, and there is no note of it
        "dataset.table_stored",  # the table of a shard is in the store, and its tar is not
        "dataset.tar_stored",  # table and tar of a shard are in the store, and nothing that is made of them
        "home.account_kept",  # the account lasts, and this machine is not registered
        "home.asking_kept",  # a request for leases lasts, and is not sent
        "home.cleaning",  # the tracker has the result; the lease's folder is renamed, and not removed
        "home.ending_kept",  # there will be no result; nobody has been told, and what the job made lies there
        "home.ending_told",  # the tracker knows that there is none, and the lease's folder is there
        "home.input_checked",  # the whole input is there and right, under its half's name
        "home.input_half",  # half of an input is on the disk
        "home.input_kept",  # the input is there, and nothing was made of it
        "home.job_begun",  # the process of a job has not been told of it
        "home.job_done",  # the job is committed in its folder, and nothing is signed
        "home.job_half",  # in the middle of a job
        "home.lease_half_kept",  # a lease is written, and not yet under its name
        "home.lease_kept",  # a lease lasts; the request for it does, too
        "home.leases_told",  # the tracker has granted leases, and nothing of them lasts here
        "home.result_asked",  # all files are uploaded, and the result is not submitted
        "home.result_kept",  # the signed manifest lasts; the input lies there still
        "home.result_told",  # the tracker has acknowledged the result, and nothing is cleaned up
        "home.selftest_kept",  # the self-test was passed
        "home.upload_done",  # one file is uploaded
        "home.upload_half",  # in the middle of an upload
        "home.worker_kept",  # this machine has its key
        "promoting.before_marker",  # all files of a result are in the data set but its marker
        "promoting.begun",  # nothing of a result is in the data set
        "promoting.placed",  # a result is in the data set, and the database does not know
        "purge.object_deleted",  # a stand-in is stored and signed for, and the object that it stands in for is gone
        "purge.redaction_written",  # a stand-in is stored and signed for, and the object is there still
        "purge.shard_done",  # all files of a shard are replaced
        "purge.stand_in_stored",  # a stand-in is stored, and nothing says that it is one
        "reissue.committed",  # the new version is there, and the register does not know it
        "reissue.decided",  # the register knows what goes, and nothing is committed
        "reissue.noted",  # the register knows the new version, and its diff is not written
        "store.backup_written",  # the copy is whole, and not yet under its name
        "store.committed",  # the moves last, and nobody has been told
        "store.migrated",  # the steps have been made, and are not committed
        "store.moved",  # the moves have been made, and are not committed
        "takedown.shard_cut",  # what is left of a shard is stored, and no version has it
        "takedown.step_committed",  # a step is there, the register knows it, and no line leads to it
        "takedown.step_emptied",  # what only a step had is gone, and its manifest is there
        "takedown.step_noted",  # the register knows a step that is not there
        "uploads.collected",  # their bytes are gone, too
        "uploads.cut_off",  # the client went away; what came is flushed, and the database does not know
        "uploads.discarded",  # wrong bytes were removed, and the database does not know
        "uploads.flushed",  # a whole chunk is on the disk, and the database does not know
        "uploads.hashed",  # the last byte is there, and nothing has been decided
        "uploads.marked_gone",  # uploads are GONE in the database, and their bytes are there
        "uploads.sealed",  # the object is whole and read-only, and the database does not know
        "uploads.stored",  # it counts as stored, and nobody has been told
        "web.answered",  # a move lasts, and its answer has not been sent
        "web.asked",  # a request has been read, and nothing has happened
        "web.lease_committed",  # leases last, and their inputs have not been hashed
        "web.reaped",  # leases have expired, and the loop has not gone on
    }
)

_NAME, _, _TIME = os.environ.get("PAIRTRAWL_FAILPOINT", "").partition(":")
_left = int(_TIME or 1)


def failpoint(name: str) -> None:
    """Does nothing, unless the environment names this place: then it does not return.

    Args:
        name: one of FAILPOINTS, written out: the test that compares both reads the source.
    """
    global _left  # noqa: PLW0603 - counts arrivals of this process, which ends at zero
    if name != _NAME:
        return
    _left -= 1
    if _left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
