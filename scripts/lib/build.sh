# shellcheck shell=bash
# Configures and builds a preset. Sourced after common.sh.

# Makes ninja print finished/total jobs and the elapsed time.
export NINJA_STATUS='[%f/%t %es] '

# Lets ccache, if installed, share results between checkouts.
export CCACHE_BASEDIR="$ROOT" CCACHE_NOHASHDIR=1

# configure_preset PRESET
configure_preset() {
  (cd "$ROOT" && cmake --preset "$1")
}

# build_preset PRESET [TARGET...]: builds these targets, or everything.
build_preset() {
  local preset=$1
  shift
  local targets=()
  (($# == 0)) || targets=(--target "$@")
  (cd "$ROOT" && cmake --build "build/$preset" --parallel "$(jobs_at_once)" "${targets[@]}")
}
