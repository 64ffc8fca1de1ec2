#!/bin/bash
# Writes one consistent copy of Redis (order records, audit log, order-id high-water mark) to BACKUP_DIR.
#
# The server makes the copy of one instant itself, as it does for a replica, while it serves.
# A copy counts only once its name has no .partial any more; its checksum is beside it.
# BACKUP_DIR (/var/backups/ibkr-tws-mcp), BACKUP_DAYS (30)
# BACKUP_COPY: a command that takes a file off this machine, run with the checksum's name and again with the copy's
# IBKR: the stack's compose command (ibkr)
set -euo pipefail
umask 077

folder=${BACKUP_DIR:-/var/backups/ibkr-tws-mcp}
days=${BACKUP_DAYS:-30}
compose=${IBKR:-ibkr}
[[ $days =~ ^[1-9][0-9]*$ ]] || { echo "backup: BACKUP_DAYS must be a number above 0, not '$days'" >&2 && exit 2; }

mkdir -p "$folder"
file=$folder/redis-$(date -u +%Y%m%dT%H%M%SZ).rdb
trap 'rm -f "$file.partial"' EXIT

# By a file on the volume: to standard output the client would append the mark that ends a transfer.
# shellcheck disable=SC2016
$compose exec -T redis sh -c '
    cli=$(command -v valkey-cli || command -v redis-cli) || exit 1
    copy=${DATA:-/data}/backup.part
    trap "rm -f $copy" EXIT
    password=${USERS:-/users}/password
    if [ -r "$password" ]; then # Redis has users
        export REDISCLI_AUTH="$(cat "$password")" VALKEYCLI_AUTH="$(cat "$password")"
    fi
    "$cli" --rdb "$copy" >&2 && cat "$copy"' >"$file.partial"

# A whole copy begins with its magic, and ends with 255 before eight bytes of checksum.
[[ $(head -c 5 "$file.partial") =~ ^(REDIS|VALKE)$ && $(tail -c 9 "$file.partial" | od -An -tu1 -N1) -eq 255 ]] || {
    echo "backup: what came is no whole copy of Redis" >&2
    exit 1
}
sync "$file.partial"
mv "$file.partial" "$file"
(cd "$folder" && sha256sum "$(basename "$file")" >"$(basename "$file").sha256")

if [[ -n ${BACKUP_COPY:-} ]]; then
    read -ra copy <<<"$BACKUP_COPY"
    for each in "$file.sha256" "$file"; do # a restore wants both
        "${copy[@]}" "$each" || { echo "backup: $each is made, but could not be copied off this machine" >&2 && exit 1; }
    done
fi
# Last, so that a machine whose backups fail keeps those that it has.
find "$folder" -maxdepth 1 -name 'redis-*.rdb*' -type f -mtime "+$days" -delete
echo "$file"
