"""What gateways write while they log in, line by line: the stories that the tests tell."""

START = [
    "*************************************************************************",
    ".> Starting IBC/IB gateway",
    "Starting IBC version 3.24.1 on 2026-03-02 at 09:00:00",
    "2026-03-02 09:00:03:100 IBC: Starting Gateway",
]
ATTEMPT = [
    "2026-03-02 09:00:12:500 IBC: Login dialog WINDOW_OPENED: LoginState is LOGGED_OUT",
    "2026-03-02 09:00:13:010 IBC: Setting user name",
    "2026-03-02 09:00:13:020 IBC: Login attempt: 1",
    "2026-03-02 09:00:13:090 IBC: Click button: Paper Log In",
    "2026-03-02 09:00:14:000 IBC: detected frame entitled: Authenticating...; event=Opened",
]
SECOND_FACTOR = [
    "2026-03-02 09:00:16:000 IBC: detected dialog entitled: Second Factor Authentication; event=Opened",
    "2026-03-02 09:00:16:010 IBC: Second Factor Authentication initiated",
]
REJECTED = [
    "2026-03-02 09:00:17:000 IBC: detected dialog entitled: Unrecognized Username or Password; event=Opened",
    "2026-03-02 09:00:17:010 IBC: Unrecognized Username or Password",
    "2026-03-02 09:00:17:020 IBC: Cold restart in progress",
    "2026-03-02 09:00:17:030 IBC: Cold restart after Unrecognized Username or Password dialog encountered",
    "2026-03-02 09:00:17:040 IBC: Login has not completed: exiting immediately",
]
COLD_RESTART = ["IBC returned exit status 0", "IBC will cold-restart shortly", "IBC will restart shortly"]
LOGGED_IN = [
    "2026-03-02 09:00:30:000 IBC: Login has completed",
    "2026-03-02 09:00:38:000 IBC: Configuration tasks completed",
    "2026/03/02 09:00:39 socat[45] N accepting connection from AF=2 172.18.0.3:41234 on AF=2 172.18.0.2:4004",
]
DAILY_RESTART = [
    "2026-03-02 23:45:00:000 IBC: detected dialog entitled: Restart in progress; event=Opened",
    "2026-03-02 23:45:02:000 IBC: detected dialog entitled: Shutdown progress; event=Opened",
    "IBC returned exit status 0",
    "IBC will restart shortly",
]
LOGGED_OUT = [
    "2026-03-02 22:00:00:000 IBC: Login has completed: exiting via [File, Close] menu",
    "2026-03-02 22:00:01:000 IBC: detected dialog entitled: Shutdown progress; event=Opened",
]
THROTTLED = [
    "2026-03-02 09:05:00:000 IBC: Too many failed login attempts. "
    "Please wait 4 minutes & 47 seconds before attempting to re-login again.",
]
SECOND_FACTOR_MISSED = [
    "2026-03-02 09:03:16:000 IBC: Second Factor Authentication dialog closed",
    "2026-03-02 09:04:16:000 IBC: IBC closing after Second Factor Authentication dialog timeout",
]

SESSION_TAKEN = [
    "2026-03-02 09:00:18:000 IBC: detected dialog entitled: Existing session detected; event=Opened",
    "2026-03-02 09:00:18:010 IBC: Click button: Exit Application",
]

LAUNCHER_START = [
    "2026-03-02 09:00:05.112 INFO  [JTS-Main] - "
    "------------------------------- IB GATEWAY RESTART --------------------------------",
]
LAUNCHER_ATTEMPT = ["2026-03-02 09:00:13.000 INFO  [JTS-Login] - LauncherLoginThread.runLoginWithUI()[loginAttempt=1]."]
LAUNCHER_CHALLENGE = ["2026-03-02 09:00:15.000 INFO  [JTS-Auth] - Received CHALLENGE"]
LAUNCHER_REJECTED = [
    "2026-03-02 09:00:15.000 WARN  [JTS-Auth] - AUTH_RESULT indicates wrong password",
    "2026-03-02 09:00:15.010 WARN  [JTS-Auth] - Authorization failed: Invalid username or password. ",
]
LAUNCHER_LOGGED_IN = ["2026-03-02 09:00:20.000 INFO  [JTS-Main] - Switching to a new encrypted log..."]
LAUNCHER_AUTO_RESTART = [
    "2026-03-02 23:46:00.000 INFO  [JTS-Main] - Running in auto-restart mode: restoring the session"
]
