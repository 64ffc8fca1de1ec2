// The TypeScript SDK's client, release 1 (@modelcontextprotocol/sdk).
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { LoggingMessageNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { main } from "./calls.mjs";

async function connect(url, _era, onMessage) {
  const client = new Client({ name: "sdk-1", version: "1" });
  client.setNotificationHandler(LoggingMessageNotificationSchema, onMessage);
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    tools: async () => (await client.listTools()).tools,
    call: (name, args, options) => client.callTool({ name, arguments: args }, undefined, options),
    close: () => client.close(),
  };
}

await main(connect);
