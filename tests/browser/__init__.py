"""The console in headless Chromium, on the demo's stack in live mode: `make test-browser`."""
