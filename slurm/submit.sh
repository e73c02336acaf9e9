#!/bin/bash
# Submit a run: `pairtrawl slurm submit` of the environment that the jobs would use. All arguments go to it.
#
#   slurm/submit.sh -o /scratch/me/run -r my.toml --site generic --slices 16 CC-MAIN-2026-04:wat:0-99
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PAIRTRAWL_RUN="${PAIRTRAWL_RUN:-$PWD}" exec bash "$here/node.sh" slurm submit "$@"
