"""An order's worth and risk: pure functions that limits, previews, approvals and reports share."""
