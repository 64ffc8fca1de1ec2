#!/bin/bash
# Runs a gateway's own start command, tells its login's phase in a file, and stops it after too many rejected logins:
# the controllers in gateway images try a wrong password again until Interactive Brokers locks the account.
#
#   login-guard.sh COMMAND [ARGUMENT…]       such as: login-guard.sh /home/ibgateway/scripts/run.sh
#
# LOGIN_BUDGET       rejected logins in a row before the gateway is held (3); 0 lets it try for ever
# LOGIN_PHRASES      what the lines of its log mean (phrases.tsv beside this script); another controller has its own
# LOGIN_STATE_DIR    where the count outlives the container ($TWS_SETTINGS_PATH/login-guard, a volume)
# LOGIN_PHASE_FILE   one line of JSON: phase, since (epoch seconds), rejections ($LOGIN_STATE_DIR/phase); touched every
#                    few seconds while the guard runs, so that a reader can tell an old one
#
# A held gateway is ended, and its container stays up, so that no restart policy logs in again. It starts again by itself
# when TWS_PASSWORD_FILE changes or $LOGIN_STATE_DIR/rejections is removed, and with another TWS_USERID or TRADING_MODE.
set -u
shopt -s nocasematch

budget=${LOGIN_BUDGET:-3}
state=${LOGIN_STATE_DIR:-${TWS_SETTINGS_PATH:-/tmp}/login-guard}
phase_file=${LOGIN_PHASE_FILE:-$state/phase}
look_again=${LOGIN_LOOK_AGAIN:-5} # seconds between two looks at a command that says nothing, or at what holds it
patience=90                       # seconds for a gateway to log out: a killed one leaves its login taken for hours
phases=() patterns=() child='' ending=no ended_at='' now_in='' tried=''

while IFS=$'\t' read -r phase pattern; do
    [[ -z $phase || $phase == \#* ]] && continue
    phases+=("$phase") patterns+=("$pattern")
done <"${LOGIN_PHRASES:-$(dirname "$0")/phrases.tsv}"
((${#phases[@]})) || { echo "login-guard: no phrases to read the log by" >&2 && exit 2; }
[[ $budget =~ ^[0-9]+$ ]] || { echo "login-guard: LOGIN_BUDGET must be a number, not '$budget'" >&2 && exit 2; }
mkdir -p "$state" || { echo "login-guard: $state cannot be written, so a budget would not hold" >&2 && exit 2; }

# What a login is tried with; times and names only, since a digest of a password can be guessed from.
credentials() {
    local user changed=''
    user=$(printf '%s %s' "${TWS_USERID:-}" "${TRADING_MODE:-}" | cksum)
    [[ -n ${TWS_PASSWORD_FILE:-} ]] && changed=$(stat -Lc %Y "$TWS_PASSWORD_FILE" 2>/dev/null)
    echo "${user%% *}-$changed"
}

count() { # rejected logins in a row with the present credentials
    local number='' with=''
    [[ -r $state/rejections ]] && read -r number with <"$state/rejections"
    [[ $number =~ ^[0-9]+$ && $with == "$(credentials)" ]] || number=0
    echo "$number"
}

# Under what the command was started with: it has read its password then, and the file may have a new one since.
remember() { # through a new file, so that a container killed here leaves the old count or the new
    echo "$1 $tried" >"$state/rejections.new" && mv -f "$state/rejections.new" "$state/rejections"
}

tell() {
    printf '{"phase": "%s", "since": %s, "rejections": %s}\n' "$1" "$(date +%s)" "$rejections" >"$phase_file.new" &&
        mv -f "$phase_file.new" "$phase_file"
    now_in=$1
}

heed() { # one line of the log
    local each said=''
    for each in "${!patterns[@]}"; do
        [[ $1 =~ ${patterns[each]} ]] && said=${phases[each]} && break
    done
    [[ -z $said ]] && return
    case $said in
    login_rejected)
        [[ $attempted == yes ]] && rejections=$((rejections + 1)) && remember "$rejections"
        attempted=no
        ;;
    logging_in | awaiting_2fa) attempted=yes ;;
    logged_in) ((rejections)) && rejections=0 && remember 0 ;;
    esac
    [[ $said != "$now_in" ]] && tell "$said"
}

spent() { ((budget > 0 && rejections >= budget)); }

end_child() {
    ended_at=${ended_at:-$SECONDS}
    kill -TERM "$child" 2>/dev/null
}

stop() { # Docker, Kubernetes or a person ends this container
    ending=yes
    [[ -n $child ]] && end_child
}

reap() { # a signal of ours cuts a wait short, and the command may still be logging out
    local code
    while :; do
        wait "$child"
        code=$?
        kill -0 "$child" 2>/dev/null || return "$code"
    done
}

run() {
    local line='' part='' got
    now_in='' ended_at='' tried=$(credentials)
    exec 4< <(exec "$@" 2>&1)
    child=$!
    tell starting
    while :; do
        IFS= read -r -t "$look_again" part <&4
        got=$?
        line+=$part
        if ((got == 0)); then
            printf '%s\n' "$line"
            heed "$line"
            line=''
            spent && [[ -z $ended_at ]] && end_child
        elif ((got <= 128)) || ! kill -0 "$child" 2>/dev/null; then
            break # its output ended, or only something that it left behind still holds it
        fi
        touch "$phase_file"
        [[ -n $ended_at ]] && ((SECONDS - ended_at > patience)) && kill -KILL "$child"
    done
    [[ -n $line ]] && printf '%s\n' "$line"
    reap
}

hold() {
    echo "login-guard: held after $rejections rejected logins, so that the account is not locked." \
        "Correct the user name, the password or the trading mode and bring this container up again;" \
        "to try once more with the same, remove $state/rejections."
    tell login_rejected
    while (($(count) >= budget)) && [[ $ending == no ]]; do
        touch "$phase_file"
        sleep "$look_again" &
        wait $!
        kill $! 2>/dev/null
    done
}

trap stop TERM INT
rejections=$(count) attempted=yes
while [[ $ending == no ]]; do
    if ! spent; then
        run "$@"
        code=$?
        child=''
        spent || exit "$code"
    fi
    hold
    rejections=$(count)
done
