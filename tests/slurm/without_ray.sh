#!/bin/bash
# `pairtrawl`, but that an island has no Ray: its verb runs in one process. For tests of the control plane (PAIRTRAWL_COMMAND).
set -u
if [ "$1" = island ]; then
  while [ "$1" != -- ]; do shift; done
  shift
fi
exec pairtrawl "$@"
