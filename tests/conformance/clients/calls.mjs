// The calls that each TypeScript client plays, and its report: as calls.py plays them.
const [READ, HISTORY, TICKS] = ["ibkr_get_contract_details", "ibkr_get_historical_data", "ibkr_stream_market_data"];
const HANG_UP_MS = 1000;

// connect(url, era, onMessage): an object with tools(), call(tool, arguments, options) and close().
export async function play(connect, url, era, key) {
  const heard = { messages: 0, progress: 0 };
  const onMessage = () => (heard.messages += 1);
  const client = await connect(url, era, onMessage);
  const call = (tool, args, options = {}) =>
    client.call(tool, args, { onprogress: () => (heard.progress += 1), ...options });
  const report = { tools: (await client.tools()).map(promise) };
  report.read = await call(READ, { symbol: "NVDA" });
  report.wrong = await call(READ, { symbl: "NVDA" });
  const ticks = await call(TICKS, { symbol: "SPY", duration_seconds: 1 });
  const summary = ticks.structuredContent;
  if (!summary.updates_count) throw new Error(JSON.stringify(ticks));
  report.ticks = { heard: { messages: heard.messages > 0, progress: heard.progress > 0 }, fields: Object.keys(summary).sort() };
  const lmtPrice = Math.round(summary.last.bid * 98) / 100;
  const order = { symbol: "SPY", action: "BUY", totalQuantity: 1, orderType: "LMT", lmtPrice, idempotencyKey: key };
  report.placed = await call("ibkr_place_order", order);
  report.again = await call("ibkr_place_order", order);
  report.cancelled = await call("ibkr_cancel_order", { orderKey: key });
  const durationStr = `${1 + (parseInt(key.slice(0, 6), 16) % 300)} D`; // equal reads share one request and its deadline
  report.hangUp = await hangUp((signal) => call(HISTORY, { symbol: "SPY", durationStr }, { signal }));
  report.after = await call(READ, { symbol: "NVDA" });
  await client.close();
  return report;
}

// The part of a tool that is the same on both servers; FastMCP writes each $ref of an output schema out.
function promise({ name, description, inputSchema, annotations }) {
  return { name, description, inputSchema, annotations };
}

async function hangUp(begin) {
  const controller = new AbortController();
  setTimeout(() => controller.abort("the user left"), HANG_UP_MS);
  try {
    return await begin(controller.signal);
  } catch (error) {
    return `${error.name} ${error.code}`;
  }
}

export async function main(connect) {
  const [url, era, key] = process.argv.slice(2);
  console.log(JSON.stringify(await play(connect, url, era, key)));
  process.exit(0); // an SDK may keep a connection for its next request
}
