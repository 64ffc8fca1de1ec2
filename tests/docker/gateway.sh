#!/bin/bash
# A gateway's life as its log tells it: a login with the name and password that it was given, a second factor that
# somebody approves (a file), and only then the API's port. It speaks as IBC does, and answers as the simulator.
set -eu

echo "IBC: Starting Gateway"
echo "IBC: Login attempt: 1"
if [[ $TWS_USERID != edemo || $(<"$TWS_PASSWORD_FILE") != the-right-password ]]; then
    echo "IBC: detected dialog entitled: Unrecognized Username or Password; event=Opened"
    sleep infinity
fi
echo "IBC: Second Factor Authentication initiated"
until [[ -e /tmp/approved ]]; do sleep 0.1; done
echo "IBC: Login has completed"
# shellcheck disable=SC2086  # several words
exec python -m ibgateway.simulator --host 0.0.0.0 --port 4004 ${SIMULATOR:-}
