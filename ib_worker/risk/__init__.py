"""What an order is worth and puts at risk: pure functions that limits, previews, approvals and reports share."""
