#!/bin/sh
# Runs where Redis keeps its files (DATA, /data) while no server runs: what is there is set aside, and the copy that
# comes on standard input takes its place as the base of a new append-only log.
set -eu

data=${DATA:-/data}
base=appendonly.aof.1.base.rdb
aside=$data/before-restore-$(date -u +%Y%m%dT%H%M%SZ)
new=$data/restoring

rm -rf "$new"
mkdir "$new"
cat >"$new/$base"
[ -s "$new/$base" ] || { echo "restore: nothing came to be restored" >&2 && rm -rf "$new" && exit 1; }
echo "file $base seq 1 type b" >"$new/appendonly.aof.manifest"
chown -R "$(stat -c %u:%g "$data")" "$new" 2>/dev/null || true
sync
mkdir "$aside"
for each in appendonlydir dump.rdb; do
    if [ -e "$data/$each" ]; then mv "$data/$each" "$aside/"; fi
done
mv "$new" "$data/appendonlydir"
sync
echo "$aside"
