#!/bin/bash
# Puts a copy that backup.sh made in the place of what Redis holds: restore.sh FILE
#
# The gateway stays up and logged in; fronts and worker are stopped, since they must not see Redis change under them.
# What Redis held is set aside on its volume, never deleted. What happened after the copy is not in it: so the mark of
# Redis' history is removed, and the worker refuses writes until it has reconciled with the gateway.
set -euo pipefail

file=${1:?which backup? ls ${BACKUP_DIR:-/var/backups/ibkr-tws-mcp}}
compose=${IBKR:-ibkr}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

(cd "$(dirname "$file")" && sha256sum --quiet --check "$(basename "$file").sha256") || exit 1
# shellcheck disable=SC2016
cli() { $compose exec -T redis sh -c 'exec "$(command -v valkey-cli || command -v redis-cli)" "$@"' - "$@" </dev/null; }
keys() { cli --scan --pattern "$1" | sort; }

services=$($compose ps --services --status running | grep -Ev '^(gateway|caddy)' | grep -vx redis || true)
halted=''
if cli ping >/dev/null 2>&1; then halted=$(keys 'ibkr:{*}:halt'); fi

# shellcheck disable=SC2086
[[ -z $services ]] || $compose stop $services
$compose stop redis
aside=$($compose run --rm -T --no-deps --entrypoint sh redis -c "$(cat "$here/place-backup.sh")" <"$file")
$compose up -d --no-deps --wait redis
until cli ping | grep -q PONG; do sleep 0.5; done

# bridge/bus/keys.py: the mark of Redis' history, who led, and what the session last said of itself
for each in generation lease heartbeat; do
    keys "ibkr:{*}:$each" | while read -r key; do cli del "$key" >/dev/null; done
done
echo "restored $(basename "$file"); what Redis held before is in $aside on its volume"

lost=$(comm -23 <(echo "$halted") <(keys 'ibkr:{*}:halt') | grep . || true)
if [[ -n $lost ]]; then
    echo "restore: the kill switch was set and is not in this copy: ${lost//$'\n'/ }." \
        "Set it again before you start what trades: ${services//$'\n'/ }" >&2
    exit 3
fi
# shellcheck disable=SC2086
[[ -z $services ]] || $compose up -d --no-deps $services
