"""What gateways send: one function for each message id, a payload each."""
