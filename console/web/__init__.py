"""HTTP around the pages: hosts and origins, headers, forms, cookies, and who may try a passphrase."""
