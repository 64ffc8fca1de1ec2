"""Rankings, news, fundamentals and events of instruments, all made from the seed."""
