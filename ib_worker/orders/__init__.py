"""Orders as the worker knows them: their events, the state that events add up to, and the tracker."""
