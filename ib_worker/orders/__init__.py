"""What is known about orders: events, the state that they add up to, the tracker."""
