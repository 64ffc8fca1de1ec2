"""What happens to an order when something dies in the second between "send" and "sent"."""
