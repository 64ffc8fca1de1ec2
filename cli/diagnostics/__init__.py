"""What the doctor checks, part by part."""
