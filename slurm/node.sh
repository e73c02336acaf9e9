#!/bin/bash
# On every node of a job: make the environment, then run pairtrawl with the words given.
#
# PAIRTRAWL_MODULES    modules to load first, separated by blanks
# and one of
# PAIRTRAWL_CONTAINER  an image for apptainer (or singularity), with pairtrawl inside
# PAIRTRAWL_ENV_PACK   a packed environment, unpacked once per node (pairtrawl slurm pack-env)
# PAIRTRAWL_VENV       a virtual environment; default: .venv beside this folder
set -u

refuse() {
  echo "pairtrawl: $*" >&2
  exit 2
}

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
node_local=/tmp # wiped by the site after a job on most machines, private on few
for folder in "${PAIRTRAWL_NODE_LOCAL:-}" "${LOCALSCRATCH:-}" "${SLURM_TMPDIR:-}" "${TMPDIR:-}"; do
  if [ -n "$folder" ] && [ -d "$folder" ]; then
    node_local="$folder"
    break
  fi
done

if [ -n "${PAIRTRAWL_MODULES:-}" ] && [ -z "${PAIRTRAWL_SHOW:-}" ]; then
  set +u # neither the site's profile nor its modules were written for it
  command -v module >/dev/null || . /etc/profile # a shell that srun starts is no login shell
  # shellcheck disable=SC2086 # names separated by blanks
  module load $PAIRTRAWL_MODULES || refuse "module load $PAIRTRAWL_MODULES failed on $(hostname)"
  set -u
fi

command=("${PAIRTRAWL_COMMAND:-pairtrawl}")
if [ -n "${PAIRTRAWL_CONTAINER:-}" ]; then
  program=apptainer
  command -v apptainer >/dev/null || ! command -v singularity >/dev/null || program=singularity
  bind="$PAIRTRAWL_RUN,$node_local"
  [ -z "${PAIRTRAWL_RECIPE:-}" ] || bind="$bind,$(dirname "$PAIRTRAWL_RECIPE")"
  [ -z "${PAIRTRAWL_BIND:-}" ] || bind="$bind,$PAIRTRAWL_BIND"
  gpus=()
  [ "${SLURM_GPUS_ON_NODE:-0}" = 0 ] || gpus=(--nv)
  command=("$program" exec ${gpus[@]+"${gpus[@]}"} --bind "$bind" "$PAIRTRAWL_CONTAINER" "${command[@]}")
elif [ -n "${PAIRTRAWL_ENV_PACK:-}" ]; then
  if [ -z "${PAIRTRAWL_SHOW:-}" ]; then
    venv="$("$here/unpack-env.sh" "$PAIRTRAWL_ENV_PACK" "$node_local")" || exit 2 # it says why
    export PATH="$venv/bin:$PATH"
  fi
else
  venv="${PAIRTRAWL_VENV:-}"
  [ -n "$venv" ] || [ ! -x "$here/../.venv/bin/pairtrawl" ] || venv="$(cd "$here/../.venv" && pwd)"
  [ -z "$venv" ] || export PATH="$venv/bin:$PATH"
fi

words=()
for word in "$@"; do words+=("${word/#@node-local@/$node_local}"); done
if [ -n "${PAIRTRAWL_SHOW:-}" ]; then
  printf '%q ' "${command[@]}" "${words[@]}"
  printf '\n'
  exit 0
fi
command -v "${command[0]}" >/dev/null || refuse "there is no ${command[0]} on $(hostname): set PAIRTRAWL_VENV," \
  "PAIRTRAWL_ENV_PACK or PAIRTRAWL_CONTAINER, or install pairtrawl into $(dirname "$here")/.venv"
exec "${command[@]}" "${words[@]}"
