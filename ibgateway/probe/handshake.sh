#!/bin/bash
# The same question as `python -m ibgateway.probe`, for an image that has bash and no python: a healthcheck.
#
#   handshake.sh ready [PORT]   exit 0 only while the gateway answers
#   handshake.sh alive [PORT]   exit 1 only when a gateway that had logged in accepts and says nothing: it is frozen.
#                               A gateway that waits for its login or second factor is alive, and must not be killed.
#
# One line of JSON; the other exit codes are those of the python form: 1 refused, 3 closes, 4 silent, 5 not_tws.
# HANDSHAKE_HOST (127.0.0.1), HANDSHAKE_TIMEOUT seconds (5), LOGIN_PHASE_FILE as login-guard.sh writes it.
set -u

mode=${1:-ready}
port=${2:-4002}
host=${HANDSHAKE_HOST:-127.0.0.1}
limit=${HANDSHAKE_TIMEOUT:-5}
phase_file=${LOGIN_PHASE_FILE:-${TWS_SETTINGS_PATH:-/tmp}/login-guard/phase}

exchange() {
    { exec 3<>"/dev/tcp/$1/$2"; } 2>/dev/null || return 1
    printf 'API\0\0\0\0\011v100..200' >&3 2>/dev/null || return 3
    # dd by single bytes: it never reads past what it was asked for
    read -r a b c d < <(dd bs=1 count=4 <&3 2>/dev/null | od -An -v -tu1)
    [[ -n ${d:-} ]] || return 3
    local length=$(((a << 24) + (b << 16) + (c << 8) + d))
    ((length > 0 && length <= 4096)) || return 5
    local greeting
    greeting=$(dd bs=1 count="$length" <&3 2>/dev/null | tr '\0' '\n')
    [[ $greeting =~ ^([0-9]{3,4})($'\n'|$) ]] || return 5
    echo "${BASH_REMATCH[1]}"
}

say() {
    printf '{"host": "%s", "port": %s, "outcome": "%s", "serverVersion": %s}\n' "$host" "$port" "$1" "${2:-null}"
}

if [[ $mode == exchange ]]; then # the part that may hang, in a process that can be ended
    trap '' PIPE
    exchange "$host" "$port"
    exit
fi

version=$(timeout "$limit" bash "$0" exchange "$port")
code=$?
case $code in
0) say answers "$version" ;;
1) say refused ;;
3) say closes ;;
5) say not_tws ;;
*) code=4 && say silent ;; # 124: timeout ended it
esac

if [[ $mode == alive ]]; then
    [[ $code == 4 && $(cat "$phase_file" 2>/dev/null) == *logged_in* ]] && exit 1
    exit 0
fi
exit "$code"
