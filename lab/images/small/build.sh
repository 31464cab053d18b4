#!/usr/bin/env bash
# Builds the data disk of the small guest: an empty ext4 of 64 MB with a fixed identity. Usage: build.sh OUTDIR, an empty folder.
set -euo pipefail
disk=$1/disk.raw
truncate -s 64M "$disk"
# Lazy initialisation would write to the disk behind the tests' back for minutes. E2FSPROGS_FAKE_TIME: same bytes at each build.
E2FSPROGS_FAKE_TIME=1400000000 mkfs.ext4 -q -F -b 4096 -U 6b0c1b5e-8f0a-4c64-9a63-1d7a1c3e0001 -L vms-data \
  -E lazy_itable_init=0,lazy_journal_init=0,hash_seed=6b0c1b5e-8f0a-4c64-9a63-1d7a1c3e0002 "$disk"
