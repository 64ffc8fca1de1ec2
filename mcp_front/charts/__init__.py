"""Charts: what each shows, and the process that draws it. Nothing here needs Pillow."""
