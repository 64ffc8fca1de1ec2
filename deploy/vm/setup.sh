#!/bin/bash
# Makes a Debian 13 or Ubuntu 24.04 machine ready for the stack; harmless to run again, and needed after new secrets.
#
#   sudo deploy/vm/setup.sh        from a checkout in /opt/ibkr-tws-mcp; SSH_PORT=2222 where sshd -T does not know it
#
# Packages, swap, firewall (SSH, 80, 443), unattended upgrades, the engine's settings, commands, services, a timer.
# It asks nothing and starts nothing that trades: that is `systemctl start ibkr-tws-mcp`, once the login is in place.
set -euo pipefail

home=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
here=$home/deploy/vm
settings=/etc/ibkr-tws-mcp
[[ $EUID -eq 0 ]] || { echo "setup: run it as root" >&2 && exit 1; }
[[ $home == /opt/ibkr-tws-mcp ]] || { echo "setup: the checkout belongs in /opt/ibkr-tws-mcp" >&2 && exit 1; }

at_least() { [[ -n $2 && $(printf '%s\n' "$1" "$2" | sort -V | head -1) == "$1" ]]; }

packages() {
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -yq ca-certificates git python3 python3-venv ufw unattended-upgrades docker.io
    local each
    for each in docker-compose-v2 docker-compose; do # Ubuntu's name of Compose 2, and Debian 13's
        docker compose version >/dev/null 2>&1 || apt-get install -yq "$each" || true
    done
    at_least 2.24 "$(docker compose version --short)" || { echo "setup: Compose 2.24 or newer is needed" >&2 && exit 1; }
    at_least 25 "$(docker version --format '{{.Server.Version}}')" || { echo "setup: Docker 25 or newer is needed" >&2 && exit 1; }
}

engine() { # live-restore: an upgrade of the engine leaves the gateway running, which else logs in again
    mkdir -p /etc/docker
    [[ -e /etc/docker/daemon.json ]] && cmp -s "$here/daemon.json" /etc/docker/daemon.json && return
    [[ -e /etc/docker/daemon.json ]] && cp /etc/docker/daemon.json "/etc/docker/daemon.json.before-$(date +%s)"
    install -m 0644 "$here/daemon.json" /etc/docker/daemon.json
    systemctl restart docker
}

swap() { # a gateway's start needs more than a 2 GB machine has to spare
    [[ $(swapon --noheadings | wc -l) -eq 0 ]] || return 0
    [[ -e /swapfile ]] || { fallocate -l 2G /swapfile && chmod 600 /swapfile && mkswap /swapfile >/dev/null; }
    swapon /swapfile
    grep -q '^/swapfile ' /etc/fstab || echo '/swapfile none swap sw 0 0' >>/etc/fstab
}

ssh_ports() { # those that sshd is set up for, the one of this very session, and SSH_PORT where neither tells
    echo "${SSH_PORT:-}"
    { sshd -T 2>/dev/null || true; } | awk '$1 == "port" { print $2 }'
    awk '{ print $4 }' <<<"${SSH_CONNECTION:-}"
}

firewall() { # published container ports go round it: that is why the stack publishes Caddy's two, and loopback
    ufw default deny incoming
    ufw default allow outgoing
    local ports port
    ports=$(ssh_ports | sort -u | sed '/^$/d; s,$,/tcp,')
    for port in ${ports:-OpenSSH}; do ufw limit "$port"; done # before enabling, so that this session survives
    ufw allow 80/tcp
    ufw allow 443/tcp
    ufw --force enable
}

upgrades() {
    install -m 0644 "$here/apt-upgrades.conf" /etc/apt/apt.conf.d/52-ibkr-tws-mcp
    systemctl enable --now unattended-upgrades
}

owned() { # $1 a file of settings, $2 the user of the container that reads it
    [[ -e $1 ]] && chown "$2:$2" "$1" && chmod 0400 "$1"
    return 0
}

files() {
    install -d -m 0700 "$settings" "$home/secrets" /var/backups/ibkr-tws-mcp
    [[ -e $settings/env ]] || install -m 0600 "$here/env.example" "$settings/env"
    owned "$home/secrets/tws_password.txt" 1000
    local each
    for each in "$home"/.env.{login,paper,live}; do [[ ! -e $each ]] || chmod 0600 "$each"; done
    install -m 0755 "$here/ibkr" /usr/local/bin/ibkr
    install -m 0644 "$here"/systemd/* /etc/systemd/system/
    systemctl daemon-reload
    systemctl enable ibkr-tws-mcp.service
    systemctl enable --now ibkr-tws-mcp-backup.timer
}

packages
engine
swap
firewall
upgrades
files
cat <<END

Ready. What only you can do, in $home:
  1. $settings/env: DOMAIN (its DNS record points here), ACME_EMAIL, sizes
  2. .env.login: TWS_USERID=…          secrets/tws_password.txt: the password and nothing else
  3. deploy/vm/setup.sh again (owners of the new files), then: systemctl start ibkr-tws-mcp
  4. ibkr logs clients-paper shows the first client's token; others: ibkr run --rm clients-paper add NAME --scopes read
END
