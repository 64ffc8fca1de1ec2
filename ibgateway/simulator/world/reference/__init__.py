"""What is known about instruments beside prices: rankings, news, fundamentals, events; all made from the seed."""
