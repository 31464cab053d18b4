#!/usr/bin/env bash
# Compiles the WAN's delay daemon. Usage: build.sh OUTDIR, an empty folder. Needs gcc and libnetfilter-queue-dev.
set -euo pipefail
gcc -O2 -Wall -Wextra -o "$1/vmshadow-wan-delay" "$(dirname "${BASH_SOURCE[0]}")/delay.c" -lnetfilter_queue
