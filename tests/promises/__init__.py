"""What is promised about orders, measured at random: each module is a command, and a short run of it is a test."""
