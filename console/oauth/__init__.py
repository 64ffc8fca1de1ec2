"""OAuth 2.1 for MCP clients: metadata, registration, documents of clients, consent, tokens, revocation."""
