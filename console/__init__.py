"""The operator's console: a web page that shows what waits for a person, and takes the answer. A process of its own."""
