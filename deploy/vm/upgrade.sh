#!/bin/bash
# Brings what runs to the code that is checked out: git checkout TAG && deploy/vm/upgrade.sh [--pull]
#
# Images are built first, while the old ones serve; then one front after another is replaced, and the rest where it
# changed. The gateway stays, unless its own image or settings or the image of Redis changed: a new start may cost a
# second factor. A front that does not become healthy ends it, and the others serve on.
# IBKR: the stack's compose command (ibkr); arguments go to its build
set -euo pipefail

compose=${IBKR:-ibkr}
patience=60 # seconds for a front to become healthy

healthy() { # all containers of a service
    local ids
    ids=$($compose ps --quiet "$1")
    # shellcheck disable=SC2086
    [[ $(docker inspect --format '{{.State.Health.Status}}' $ids | sort -u) == healthy ]]
}

$compose build "$@"
services=$($compose config --services)
# Of the fronts' image too, and compose replaces all fronts at once where it finds that one to be replaced.
for clients in $(grep '^clients' <<<"$services"); do $compose up --detach "$clients"; done
for front in $(grep '^front' <<<"$services"); do
    for old in $($compose ps --quiet "$front"); do
        docker stop "$old" >/dev/null # with the grace that its service has
        docker rm "$old" >/dev/null
        # Makes the one that is missing, of the new image. Without its dependencies it would count as another service.
        $compose up --detach --no-recreate "$front"
        until=$((SECONDS + patience))
        until healthy "$front"; do
            ((SECONDS < until)) || { echo "upgrade: $front is not healthy after $patience s" >&2 && exit 1; }
            sleep 0.5
        done
    done
done
$compose up --detach --remove-orphans
