"""Pushes of events to the places that the operator has set: signed webhooks, phones and mailboxes."""
