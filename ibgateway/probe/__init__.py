"""The gateway's health: does its API answer, and which phase has its login reached."""
