#!/bin/bash
# Puts a copy that backup.sh made in the place of what Redis holds: restore.sh FILE
#
# The gateway stays up and logged in; fronts and worker are stopped, since they must not see Redis change under them.
# What Redis held is set aside on its volume, never deleted. What happened after the copy is not in it: so the mark of
# Redis' history is removed, and the worker refuses writes until it has reconciled with the gateway.
# Where the copy's kill switch is milder than the one that was set, or nobody could read that one, or Redis had lost what
# the copy has, and the switch with it, what trades stays stopped and the status is 3.
set -euo pipefail

file=${1:?which backup? ls ${BACKUP_DIR:-/var/backups/ibkr-tws-mcp}}
compose=${IBKR:-ibkr}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

(cd "$(dirname "$file")" && sha256sum --quiet --check "$(basename "$file").sha256") || exit 1
# As the default user, whose password is needed where Redis has users.
# shellcheck disable=SC2016
cli() {
    $compose exec -T redis sh -c '
        password=${USERS:-/users}/password
        if [ -r "$password" ]; then
            export REDISCLI_AUTH="$(cat "$password")" VALKEYCLI_AUTH="$(cat "$password")"
        fi
        exec "$(command -v valkey-cli || command -v redis-cli)" "$@"' - "$@" </dev/null
}
keys() { cli --scan --pattern "$1" | sort; }
switches() { # each kill switch that is set, as "KEY LEVEL"; an unreadable level counts as the stricter
    local found key level
    found=$(keys 'ibkr:{*}:halt') || return
    while read -r key; do
        [[ -n $key ]] || continue
        level=$(cli hget "$key" level) || return
        [[ $level == reduce_only && -z $(cli hget "$key" tightened) ]] || level=halt
        echo "$key $level"
    done <<<"$found"
}
history() { # how far each session's audit log has come, as "KEY SEQ": it only grows
    local found key seq
    found=$(keys 'ibkr:{*}:audit_head') || return
    while read -r key; do
        [[ -n $key ]] || continue
        seq=$(cli hget "$key" seq) || return
        echo "$key ${seq:-0}"
    done <<<"$found"
}

services=$($compose ps --services --status running | grep -Ev '^(gateway|caddy|operator)' | grep -vx redis || true)
# shellcheck disable=SC2086
[[ -z $services ]] || $compose stop $services
before='' came='' unknown='Redis did not answer before'
# Once nobody is left who could set it.
if cli ping 2>/dev/null | grep -q PONG && before=$(switches) && came=$(history) && held=$(cli dbsize); then
    unknown=''
    [[ $held != 0 ]] || unknown='Redis was empty before'
fi
$compose stop redis
aside=$($compose run --rm -T --no-deps --entrypoint sh redis -c "$(cat "$here/place-backup.sh")" <"$file")
$compose up -d --no-deps --wait redis
until cli ping | grep -q PONG; do sleep 0.5; done

# bridge/bus/keys.py: the mark of Redis' history, who led, and what the session last said of itself
for each in generation lease heartbeat; do
    keys "ibkr:{*}:$each" | while read -r key; do cli del "$key" >/dev/null; done
done
echo "restored $(basename "$file"); what Redis held before is in $aside on its volume"

after=$(switches) copied=$(history)
start="Then start what trades: $compose up -d --no-deps ${services//$'\n'/ }"
again="$compose run --rm operator halt REASON --session NAME"
while read -r key seq; do
    had=$(grep -F -e "$key " <<<"$came" | cut -d ' ' -f 2) || had=0
    [[ -z $key || -n $unknown ]] || ((had >= seq)) || unknown='Redis held less than this copy before'
done <<<"$copied"
if [[ -n $unknown ]]; then
    echo "restore: $unknown, so whether the kill switch was set is not known; this copy has:" \
        "${after:-none}. Nothing that trades was started. If trading was halted, set it: $again. $start" >&2
    exit 3
fi
lost=$(while read -r key level; do
    [[ -z $key ]] || grep -qxF -e "$key halt" -e "$key $level" <<<"$after" || echo "$key $level"
done <<<"$before")
if [[ -n $lost ]]; then
    echo "restore: the kill switch was set, and this copy has none or a milder one: ${lost//$'\n'/, }." \
        "Nothing that trades was started. Set it again: $again. $start" >&2
    exit 3
fi
# shellcheck disable=SC2086
[[ -z $services ]] || $compose up -d --no-deps $services
