#!/usr/bin/env bash
# Builds Waybill and runs the relay bench; all options go to bench/run.ts (see --help).
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PATH:/usr/sbin:/sbin"
npm run --silent build
exec node --import tsx bench/run.ts "$@"
