"""The operators of a session and who of them is signed in; its clients, their rights and their access."""
