// The TypeScript SDK's client, release 2 (@modelcontextprotocol/client).
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { main } from "./calls.mjs";

const LOGS = { "io.modelcontextprotocol/logLevel": "info" }; // without it a server of 2026-07-28 sends no messages

async function connect(url, era, onMessage) {
  const isModern = era >= "2026";
  const mode = isModern ? { pin: era } : "legacy";
  const client = new Client({ name: "client-2", version: "1" }, { versionNegotiation: { mode } });
  client.setNotificationHandler("notifications/message", onMessage);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  const meta = isModern ? { _meta: LOGS } : {};
  return {
    tools: async () => (await client.listTools()).tools,
    call: (name, args, options) => client.callTool({ name, arguments: args, ...meta }, options),
    close: () => client.close(),
  };
}

await main(connect);
