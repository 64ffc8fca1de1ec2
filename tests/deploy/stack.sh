#!/bin/bash
# A stack of one real server on this machine, asked as docker compose is asked; the test sets FOLDER, SERVER and CLI.
set -eu
export DATA=$FOLDER/data
echo "$*" >>"$FOLDER/asked"
case $1 in
exec) shift 3 && exec "$@" ;; # exec -T redis COMMAND…
ps) printf 'caddy\nfront-paper\ngateway-paper\nredis\nworker-paper\n' ;;
run) shift 7 && exec sh "$@" ;; # run --rm -T --no-deps --entrypoint sh redis -c SCRIPT
stop)
    [[ $2 == redis ]] || exit 0
    [[ -e $FOLDER/socket ]] || exit 0
    "$CLI" -s "$FOLDER/socket" shutdown
    while [[ -e $FOLDER/socket ]]; do sleep 0.05; done
    ;;
up)
    [[ $* == *redis ]] || exit 0
    "$SERVER" --port 0 --unixsocket "$FOLDER/socket" --dir "$DATA" --appendonly yes --appendfsync always --save "" \
        --maxmemory-policy noeviction --repl-diskless-sync-delay 0 --daemonize yes \
        --pidfile "$FOLDER/pid" --logfile "$FOLDER/log" >/dev/null
    while ! "$CLI" -s "$FOLDER/socket" ping 2>/dev/null | grep -q PONG; do sleep 0.05; done
    ;;
esac
