# Sourced by the scripts beside it: what the lanes are. docs/lanes.md says why.

LANES="default newest"
NEEDED_GLIBC=2.39 # of the newest lane: the wheels of ml-metadata and TFDV are manylinux_2_39

# The Pythons that a lane's lock is for, the preferred one first.
pythons_of() {
  case "$1" in
    default) echo 3.10 ;;
    newest) echo 3.13 3.12 3.11 ;;
    *) echo "There is no lane '$1'. Allowed: ${LANES// /, }." >&2; return 1 ;;
  esac
}

# Packages of which the default lane takes later releases, as `uv` is told: what builds and measures, not what runs.
LATER_IN_DEFAULT=(--exclude-newer-package setuptools=2025-05-20 --exclude-newer-package coverage=2025-08-15)

# The day as of which a lane is resolved: later releases break the default one.
date_of() {
  case "$1" in
    default) echo 2025-03-15 ;;
    newest) echo 2026-11-01 ;;
  esac
}
