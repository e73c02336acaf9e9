"""Commands and snippets that no scene can run: why, and which test runs them instead. Keep it short."""

from __future__ import annotations

from typing import NamedTuple


class Excuse(NamedTuple):
    """Of commands of a page that begin so."""

    page: str
    begins: str
    why: str
    test: str  # the node that runs it, or what it stands for


_OWN_REPOSITORY = "takes the reader's own copy of the repository"
_RAY = "a cluster, which takes half a minute to start"
_SLURM = "a real SLURM"
_SERVED = "a campaign, served"
_VOLUNTEER = "tests/workers/home/test_killed.py::test_after_a_kill_the_same_command_does_everything_once"
_CAMPAIGN = "volunteers must have read the archives"
_IN_A_BOX = (
    "tests/test_campaign.py::test_the_campaign_in_a_box_makes_the_undisturbed_data_set_and_keeps_nothing_of_the_cheats"
)

COMMANDS = (
    Excuse("CONTRIBUTING.md", "git clone", _OWN_REPOSITORY, ""),
    Excuse("CONTRIBUTING.md", "cd ", _OWN_REPOSITORY, ""),
    Excuse("README.md", "pairtrawl crawl CC-MAIN", _RAY,
           "tests/workers/test_same_everywhere.py::test_ray_makes_what_this_process_makes"),
    Excuse("docs/img2dataset.md", "img2dataset", "another program, for comparison", "benchmarks/rebuild/golden.py::prove_golden"),
    Excuse("docs/ray.md", "pairtrawl crawl INPUT -o RUN -r RECIPE --ray-address 10", _RAY,
           "tests/workers/test_ray_joining.py::test_a_cluster_is_joined_by_its_address_and_token"),
    Excuse("docs/ray.md", "pairtrawl crawl INPUT -o RUN -r RECIPE --ray-address auto", _RAY,
           "tests/workers/test_ray_cluster.py::test_nodes_that_join_are_used_and_one_that_is_lost_costs_nothing"),
    Excuse("docs/ray.md", "RAY_ADDRESS=", _RAY,
           "tests/workers/test_ray_joining.py::test_a_cluster_is_joined_by_its_address_and_token"),
    Excuse("docs/ray.md", "pairtrawl crawl INPUT -o RUN -r RECIPE --place ray", _RAY,
           "tests/workers/test_same_everywhere.py::test_ray_makes_what_this_process_makes"),
    Excuse("docs/supercomputer.md", "python benchmarks/big_run.py", "each simulates a run for half a minute",
           "tests/test_big_run.py::test_what_is_recommended_fits_the_quota_and_ends_within_the_hour"),
    Excuse("docs/takedown.md", "vi ", "an editor; the scene brings the file", ""),
    Excuse("docs/tracker.md", "pairtrawl tracker serve", "a certificate, and port 443",
           "tests/workers/tracker/test_commands.py::test_the_server_says_where_it_is_answers_and_ends_when_told_to"),
    Excuse("docs/tracker.md", "pairtrawl plan", _CAMPAIGN, _IN_A_BOX),
    Excuse("docs/tracker.md", "pairtrawl report", _CAMPAIGN, _IN_A_BOX),
    Excuse("docs/tracker.md", "pairtrawl tracker import", _CAMPAIGN,
           "tests/workers/tracker/test_commands.py::test_jobs_of_the_plan_are_imported_when_there_is_one"),
    Excuse("docs/volunteer.md", "pairtrawl work", _SERVED, _VOLUNTEER),
    Excuse("docs/howto/many-volunteers.md", "pairtrawl work", _SERVED, _VOLUNTEER),
    Excuse("slurm/README.md", "git clone", _OWN_REPOSITORY, ""),
    Excuse("slurm/README.md", "cd ", _OWN_REPOSITORY, ""),
    Excuse("slurm/README.md", "module load", "programs of a site", ""),
    Excuse("slurm/README.md", "python3 -m venv", "the environment that runs this already", ""),
    Excuse("slurm/README.md", ".venv/bin/pairtrawl slurm pack-env", "gigabytes of environment",
           "tests/workers/test_staging_environment.py::test_an_environment_runs_from_a_node_without_the_folder_that_it_was_made_in"),
    Excuse("slurm/README.md", "PAIRTRAWL_RUN=", _SLURM,
           "tests/slurm/test_control.py::test_somebody_who_is_not_root_submits_with_plain_sbatch"),
)  # fmt: skip

#: blocks of Python by page and number in it, from 1
SNIPPETS = (
    Excuse("docs/decisions/0018-safety.md", "1", "LAION's file, which we may not bring",
           "tests/filters/test_heads.py::test_laions_detector_of_unsafe_pictures_can_be_written_down"),
    Excuse("docs/img2dataset.md", "1", "a list of the reader's",
           "tests/workers/rebuild/test_download.py::test_webdataset_looks_as_img2dataset_makes_it"),
    Excuse("docs/proofs.md", "1", "functions, which are called there",
           "tests/workers/dataset/test_proving.py::test_every_row_is_proven_to_be_in"),
    Excuse("docs/versions.md", "1", "functions, which are called there",
           "tests/workers/dataset/test_verifying.py::test_an_independent_checker_finds_the_same_root"),
)  # fmt: skip
