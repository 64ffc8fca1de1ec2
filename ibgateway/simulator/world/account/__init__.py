"""A client's money: cash, positions, margin, commissions and profit."""
