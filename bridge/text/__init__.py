"""Values as people and models write and read them: names, numbers, spellings, plain text. Pure."""
