#!/bin/bash
# Runs a gateway's own start command, tells its login's phase in a file, and stops it after too many rejected logins:
# the controllers in gateway images try a wrong password again until Interactive Brokers locks the account.
#
#   login-guard.sh COMMAND [ARGUMENT…]       such as: login-guard.sh /home/ibgateway/scripts/run.sh
#
# It also slows two loops in which a gateway would log in again and again: a second factor that nobody answers, and a
# session that somebody else has, which this gateway yields to (EXISTING_SESSION_DETECTED_ACTION=secondary).
#
# LOGIN_BUDGET       rejected logins in a row before the gateway is held (3); 0 lets it try for ever
# LOGIN_PAUSE        seconds before the next login once the session is taken, or a second factor was missed three times
#                    in a row (900); twice as long after each further miss, up to four times
# LOGIN_PHRASES      what the lines of its log mean (phrases.tsv beside this script); another controller has its own
# LOGIN_STATE_DIR    where the count outlives the container ($TWS_SETTINGS_PATH/login-guard, a volume)
# LOGIN_PHASE_FILE   one line of JSON ($LOGIN_STATE_DIR/phase): phase, since (epoch seconds), rejections, missed (second
#                    factors in a row), login_since (when the present login began), again_at (end of a pause, or 0);
#                    touched every few seconds while the guard runs, so that a reader can tell an old one
#
# A held gateway is ended, and its container stays up, so that no restart policy logs in again. It starts again by itself
# when TWS_PASSWORD_FILE changes or $LOGIN_STATE_DIR/rejections is removed, and with another TWS_USERID or TRADING_MODE.
# A pause ends at once when $LOGIN_STATE_DIR/pause is removed or the container is restarted.
set -u
shopt -s nocasematch

budget=${LOGIN_BUDGET:-3}
state=${LOGIN_STATE_DIR:-${TWS_SETTINGS_PATH:-/tmp}/login-guard}
phase_file=${LOGIN_PHASE_FILE:-$state/phase}
pause=${LOGIN_PAUSE:-900}
look_again=${LOGIN_LOOK_AGAIN:-5} # seconds between two looks at a command that says nothing, or at what holds it
patience=90                       # seconds for a gateway to log out: a killed one leaves its login taken for hours
missed_budget=3                   # a phone may be out of reach once or twice; IBKR slows down logins after that itself
phases=() patterns=() child='' ending=no ended_at='' now_in='' tried='' taken=no login_since=0 again_at=0

while IFS=$'\t' read -r phase pattern; do
    [[ -z $phase || $phase == \#* ]] && continue
    phases+=("$phase") patterns+=("$pattern")
done <"${LOGIN_PHRASES:-$(dirname "$0")/phrases.tsv}"
((${#phases[@]})) || { echo "login-guard: no phrases to read the log by" >&2 && exit 2; }
for each in "LOGIN_PAUSE $pause" "LOGIN_BUDGET $budget"; do
    [[ $each =~ ^[A-Z_]+\ [0-9]+$ ]] || { echo "login-guard: ${each% *} must be a number, not '${each#* }'" >&2 && exit 2; }
done
mkdir -p "$state" || { echo "login-guard: $state cannot be written, so a budget would not hold" >&2 && exit 2; }

# What a login is tried with; times and names only, since a digest of a password can be guessed from.
credentials() {
    local user changed=''
    user=$(printf '%s %s' "${TWS_USERID:-}" "${TRADING_MODE:-}" | cksum)
    [[ -n ${TWS_PASSWORD_FILE:-} ]] && changed=$(stat -Lc %Y "$TWS_PASSWORD_FILE" 2>/dev/null)
    echo "${user%% *}-$changed"
}

count() { # $1 rejections, or missed: in a row with the present credentials
    local number='' with=''
    [[ -r $state/$1 ]] && read -r number with <"$state/$1"
    [[ $number =~ ^[0-9]+$ && $with == "$(credentials)" ]] || number=0
    echo "$number"
}

# Under what the command was started with: it has read its password then, and the file may have a new one since.
remember() { # $1 its file, $2 the count; through a new file, so that a container killed here leaves the old or the new
    echo "$2 $tried" >"$state/$1.new" && mv -f "$state/$1.new" "$state/$1"
}

tell() {
    [[ $1 == logged_in ]] && login_since=0
    [[ $1 != logged_in ]] && ((login_since == 0)) && login_since=$(date +%s)
    printf '{"phase": "%s", "since": %s, "rejections": %s, "missed": %s, "login_since": %s, "again_at": %s}\n' \
        "$1" "$(date +%s)" "$rejections" "$missed" "$login_since" "$again_at" >"$phase_file.new" &&
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
        [[ $attempted == yes ]] && rejections=$((rejections + 1)) && remember rejections "$rejections"
        attempted=no
        ;;
    logging_in | awaiting_2fa) attempted=yes ;;
    second_factor_missed) unanswered=yes && missed=$((missed + 1)) && remember missed "$missed" ;;
    session_taken) taken=yes ;;
    logged_in)
        ((rejections)) && rejections=0 && remember rejections 0
        ((missed)) && missed=0 && remember missed 0
        ;;
    esac
    case $said in
    starting | logging_in | restarting) [[ $taken == yes ]] && return ;; # on the way to the same dialog again
    session_taken) ;;
    *) taken=no ;;
    esac
    [[ $said != "$now_in" ]] && tell "$said"
}

spent() { ((budget > 0 && rejections >= budget)); }
tired() { [[ $unanswered == yes ]] && ((missed >= missed_budget)); }

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
    ended_at='' again_at=0 unanswered=no tried=$(credentials)
    exec 4< <(exec "$@" 2>&1)
    child=$!
    if [[ $taken == yes ]]; then tell session_taken; else tell starting; fi
    while :; do
        IFS= read -r -t "$look_again" part <&4
        got=$?
        line+=$part
        if ((got == 0)); then
            printf '%s\n' "$line"
            heed "$line"
            line=''
            { spent || tired; } && [[ -z $ended_at ]] && end_child
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
    while (($(count rejections) >= budget)) && [[ $ending == no ]]; do doze; done
}

doze() { # a signal of ours ends it at once
    touch "$phase_file"
    sleep "$look_again" &
    wait $!
    kill $! 2>/dev/null
}

rest() { # $1 the phase that is told meanwhile, $2 seconds, $3 why
    again_at=$(($(date +%s) + $2))
    echo "login-guard: $3, so the next login is tried in $2 s; remove $state/pause to try at once."
    tell "$1"
    echo "$again_at" >"$state/pause"
    while (($(date +%s) < again_at)) && [[ -e $state/pause && $ending == no ]]; do doze; done
    rm -f "$state/pause"
}

trap stop TERM INT
rejections=$(count rejections) missed=$(count missed) attempted=yes
# A container that was restarted amid a login goes on with it.
[[ $(cat "$phase_file" 2>/dev/null) =~ \"login_since\":\ ([0-9]+) ]] && login_since=${BASH_REMATCH[1]}
while [[ $ending == no ]]; do
    if ! spent; then
        run "$@"
        code=$?
        child=''
        if [[ $ending == yes ]]; then
            exit "$code"
        elif [[ $taken == yes ]]; then
            rest session_taken "$pause" "the session is taken by another login of the same user"
            continue
        elif tired; then
            further=$((missed - missed_budget))
            rest second_factor_missed $((pause << (further < 2 ? further : 2))) "nobody answered $missed second factors"
            continue
        fi
        spent || exit "$code"
    fi
    hold
    rejections=$(count rejections)
done
