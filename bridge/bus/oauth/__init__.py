"""OAuth clients that have registered, what operators granted to them, and the resource that tokens are for."""
