"""Options: the expiry and strikes that a call means, their quotes and greeks, and the table of them."""
