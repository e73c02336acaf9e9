#!/usr/bin/env bash
# Unpack an environment that `pairtrawl slurm pack-env` made on the node's own disk, once however many ask, and print the
# folder that it is in:
#
#     environment="$(slurm/unpack-env.sh ARCHIVE FOLDER)" && exec "$environment/bin/python" -m workers ...
#
# FOLDER is on the node's own disk: one that all users share, such as /tmp, where pairtrawl-UID is made for us alone; or
# one that is ours alone already, such as the folder of a job. Nothing is removed: that is for whoever made FOLDER.
# Leaves with 2, and a sentence, where the node cannot use the archive.
set -euo pipefail
umask 077

refuse() {
  printf 'pairtrawl: %s\n' "$*" >&2
  exit 2
}

[ $# -eq 2 ] || refuse "usage: unpack-env.sh ARCHIVE FOLDER"
archive=$1 base=${2%/}
if [ ! -f "$archive" ] || [ ! -r "$archive" ]; then
  refuse "$archive: there is no such archive on $(hostname)"
fi
[ -d "${base:=/}" ] || refuse "$base: there is no such folder on $(hostname)"
command -v flock >/dev/null || refuse "there is no flock (util-linux) on $(hostname)"

# Whoever can change what lies there chooses what we run: it must be ours, no link, and closed to others.
is_ours_alone() { [ ! -L "$1" ] && [ -d "$1" ] && [ "$(stat -c '%u %a' -- "$1")" = "$(id -u) 700" ]; }
root=$base
if ! is_ours_alone "$base"; then
  mode=$(stat -Lc '%a' -- "$base")
  (((8#$mode & 8#022) == 0 || (8#$mode & 8#1000) != 0)) ||
    refuse "$base: other users could exchange what is in it (no sticky bit); name another folder"
  root=$base/pairtrawl-$(id -u)
  mkdir -m 700 -- "$root" 2>/dev/null || true # there already: looked at below
  is_ours_alone "$root" || refuse "$root: is not a folder of ours alone (owner, mode 0700, no link); who made it?"
fi

name=env-$(stat -Lc '%s-%Y-%i' -- "$archive") # another archive under the same name is another environment
environment=$root/$name
exec 9>"$root/$name.lock"
flock 9 # the others wait here for the first one; the system lets go when a process ends, however
if [ ! -d "$environment" ]; then
  temporary=$environment.unpacking
  rm -rf -- "$temporary" # of one that was killed: we hold the lock
  trap 'rm -rf -- "$temporary"' EXIT # gone already where all went well; a full disk should not stay full
  mkdir -- "$temporary"
  case $archive in
    *.zst) command -v zstd >/dev/null || refuse "there is no zstd on $(hostname): pack the environment as .tar.gz" ;;
  esac
  case $archive in
    *.zst) zstd -dc --quiet -- "$archive" ;;
    *.gz) gzip -dc -- "$archive" ;;
    *) cat -- "$archive" ;;
  esac | tar -x --no-same-owner --no-same-permissions -C "$temporary" -f - ||
    refuse "$archive: could not be unpacked under $root on $(hostname): is the disk full, or the archive damaged?"
  python=$temporary/bin/python
  if [ ! -x "$python" ]; then
    refuse "$archive: was made from $(sed -n 's/^home *= *//p' "$temporary/pyvenv.cfg"), and that Python is not on" \
      "$(hostname): load the module, or bind the folder, that it is in; or pack an environment of a Python that is there"
  fi
  "$python" -c 'import workers' || refuse "$archive: its Python starts on $(hostname), and finds no pairtrawl"
  mv -T -- "$temporary" "$environment"
fi
printf '%s\n' "$environment"
