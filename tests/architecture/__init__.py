"""The source's import statements and the rooms that they may join, read for the tests of the architecture."""
