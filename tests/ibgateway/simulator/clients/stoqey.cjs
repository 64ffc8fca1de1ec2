// Run by node in a folder that has `@stoqey/ib`: its whole request set, one line each.
//
//     node stoqey.cjs PORT     prints {"op": …, "got": number of events, "problem": text or null} a line

const { createRequire } = require("node:module");
const path = require("node:path");
const fromHere = createRequire(path.join(process.cwd(), "package.json"));
const { IBApi, EventName, ScanCode } = fromHere("@stoqey/ib");

const WAIT_MS = 15000;
const NOTICES = new Set([202, 399, 10167]);
const ib = new IBApi({ host: "127.0.0.1", port: Number(process.argv[2]), clientId: 19 });
let heard = [];
let wake = () => {};
let reqId = 3000;
let orderId = 0;

for (const name of Object.values(EventName)) {
  if (["all", "result", "received", "sent", "server", "info"].includes(name)) continue;
  ib.on(name, (...args) => {
    heard.push([name, args]);
    wake();
  });
}

function next(until) {
  if (heard.length) return Promise.resolve(heard.shift());
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), Math.max(1, until - Date.now()));
    wake = () => {
      clearTimeout(timer);
      wake = () => {};
      resolve(heard.shift());
    };
  });
}

async function ask(op, wanted, send, least = 1, until = null, holds = () => true, about = () => true) {
  reqId += 1;
  const found = [];
  let problem = null;
  let ended = until === null;
  try {
    send(reqId);
    const deadline = Date.now() + WAIT_MS;
    while (found.length < least || !ended) {
      const event = await next(deadline);
      if (event === null) {
        problem = `${wanted} x ${found.length}, ${until} ${ended}, after ${WAIT_MS} ms`;
        break;
      }
      const [name, args] = event;
      if (name === wanted && about(args)) found.push(args);
      ended = ended || name === until || (typeof until === "function" && until(name, args));
      if (name === "error" && wanted !== "error") {
        const code = args[1];
        if (code >= 2100 && code < 2170) continue;
        if (NOTICES.has(code)) continue;
        problem = `error ${args[0]} ${code} ${args[2]}`;
        break;
      }
    }
    if (problem === null && !holds(found)) problem = `the content is not as it must be: ${JSON.stringify(found).slice(0, 300)}`;
  } catch (error) {
    problem = String(error);
  }
  console.log(JSON.stringify({ op, got: found.length, problem }));
  return found;
}

const stock = (symbol) => ({ symbol, secType: "STK", exchange: "SMART", currency: "USD" });
const order = (action, totalQuantity, orderType, more = {}) => ({
  action, totalQuantity, orderType, transmit: true, account: "DU1234567", ...more,
});

async function reference(of) {
  const end = "contractDetailsEnd";
  const details = (op, contract, event = "contractDetails") =>
    ask(op, event, (i) => ib.reqContractDetails(i, contract), 1, end);
  of.spy = (await details("contract details", stock("SPY")))[0][1].contract;
  of.aapl = (await details("contract details, second", stock("AAPL")))[0][1].contract;
  await details("contract details, future", { symbol: "ES", secType: "FUT", exchange: "CME", currency: "USD" });
  await details("contract details, forex", { symbol: "EUR", secType: "CASH", exchange: "IDEALPRO", currency: "USD" });
  await details("contract details, index", { symbol: "SPX", secType: "IND", exchange: "CBOE", currency: "USD" });
  await details("contract details, bond", { symbol: "US-T", secType: "BOND" }, "bondContractDetails");
  await ask("symbol search", "symbolSamples", (i) => ib.reqMatchingSymbols(i, "app"));
  const chain = await ask("option chain", "securityDefinitionOptionParameter",
    (i) => ib.reqSecDefOptParams(i, "SPY", "", "STK", of.spy.conId), 1, "securityDefinitionOptionParameterEnd",
    (found) => found.every((one) => one[5].length >= 10 && one[6].length >= 20));
  const strikes = chain[0][6];
  const option = {
    symbol: "SPY", secType: "OPT", exchange: "SMART", currency: "USD", right: "C", multiplier: 100,
    lastTradeDateOrContractMonth: chain[0][5][2], strike: strikes[Math.floor(strikes.length / 2)],
  };
  of.option = (await details("contract details, option", option))[0][1].contract;
  await ask("market rule", "marketRule", () => ib.reqMarketRule(26));
  await ask("smart components", "smartComponents", (i) => ib.reqSmartComponents(i, "9c0001"));
  await ask("depth exchanges", "mktDepthExchanges", () => ib.reqMktDepthExchanges());
  await ask("family codes", "familyCodes", () => ib.reqFamilyCodes());
  await ask("soft dollar tiers", "softDollarTiers", (i) => ib.reqSoftDollarTiers(i));
  await ask("current time", "currentTime", () => ib.reqCurrentTime());
  await ask("user info", "userInfo", (i) => ib.reqUserInfo(i));
  await ask("ids", "nextValidId", () => ib.reqIds());
  await ask("managed accounts", "managedAccounts", () => ib.reqManagedAccts());
  await ask("display groups", "displayGroupList", (i) => ib.queryDisplayGroups(i));
  await ask("display group events", "displayGroupUpdated", (i) => ib.subscribeToGroupEvents(i, 1));
  await ask("display group update", "displayGroupUpdated", (i) => ib.updateDisplayGroup(i - 1, "8314@SMART"));
  await ask("advisor's groups", "receiveFA", () => ib.requestFA(1));
  await ask("advisor's groups, replaced", "replaceFAEnd", (i) => ib.replaceFA(i, 1, "<ListOfGroups/>"));
}

const tenLevels = (side) => (found) => new Set(found.map((one) => `${one[1]} ${one[side]}`)).size === 20;

async function marketData(of) {
  ib.reqMarketDataType(1);
  await ask("quotes", "tickPrice", (i) => ib.reqMktData(i, of.spy, "", false, false), 8);
  await ask("quotes, cancelled", "error", (i) => { ib.cancelMktData(i - 1); ib.cancelMktData(i - 1); });
  await ask("quotes, snapshot", "tickPrice", (i) => ib.reqMktData(i, of.spy, "", true, false), 3, "tickSnapshotEnd");
  const generics = "100,101,104,106,165,221,225,233,236,293,294,295,318,411,456,595";
  await ask("quotes, generic ticks", "tickGeneric", (i) => ib.reqMktData(i, of.spy, generics, false, false), 4);
  await ask("option quotes with greeks", "tickOptionComputation", (i) => ib.reqMktData(i, of.option, "", false, false));
  const es = { symbol: "ES", secType: "FUT", exchange: "CME", currency: "USD", lastTradeDateOrContractMonth: "202509" };
  await ask("depth", "updateMktDepth", (i) => ib.reqMktDepth(i, es, 10, false), 20, null, tenLevels(3));
  await ask("smart depth", "updateMktDepthL2", (i) => ib.reqMktDepth(i, of.spy, 10, true), 20, null, tenLevels(4));
  for (const [kind, event] of [["Last", "tickByTickAllLast"], ["AllLast", "tickByTickAllLast"],
    ["BidAsk", "tickByTickBidAsk"], ["MidPoint", "tickByTickMidPoint"]]) {
    await ask(`tick by tick, ${kind}`, event, (i) => ib.reqTickByTickData(i, of.spy, kind, 0, false), 2);
  }
  await ask("real-time bars", "realtimeBar", (i) => ib.reqRealTimeBars(i, of.spy, 5, "TRADES", false));
  await ask("implied volatility", "tickOptionComputation", (i) => ib.calculateImpliedVolatility(i, of.option, 5, 375));
  await ask("option price", "tickOptionComputation", (i) => ib.calculateOptionPrice(i, of.option, 0.3, 375));
}

async function history(of) {
  const finished = (name, args) => name === "historicalData" && String(args[1]).startsWith("finished");
  const bars = (op, least, keep, ...asked) =>
    ask(op, "historicalData", (i) => ib.reqHistoricalData(i, of.spy, "", ...asked, 1, keep), least, finished);
  await bars("history, days", 240, false, "1 Y", "1 day", "TRADES", 1);
  await bars("history, minutes", 60, false, "1 D", "1 min", "TRADES", 1);
  await bars("history, midpoints", 60, false, "1 D", "1 min", "MIDPOINT", 1);
  await bars("history, kept up to date", 60, true, "3600 S", "1 min", "TRADES", 0);
  await ask("history, its update", "historicalDataUpdate", () => {});
  await ask("schedule", "historicalSchedule",
    (i) => ib.reqHistoricalData(i, of.spy, "", "1 M", "1 day", "SCHEDULE", 1, 1, false));
  await ask("head timestamp", "headTimestamp", (i) => ib.reqHeadTimestamp(i, of.spy, "TRADES", true, 1));
  await ask("histogram", "histogramData", (i) => ib.reqHistogramData(i, of.spy, true, 3, "DAY"));
  for (const [what, event] of [["TRADES", "historicalTicksLast"], ["BID_ASK", "historicalTicksBidAsk"],
    ["MIDPOINT", "historicalTicks"]]) {
    await ask(`historical ticks, ${what}`, event,
      (i) => ib.reqHistoricalTicks(i, of.spy, "20250611 10:00:00 US/Eastern", "", 50, what, 1, true));
  }
}

async function account(of) {
  const name = "DU1234567";
  await ask("account summary", "accountSummary",
    (i) => ib.reqAccountSummary(i, "All", "NetLiquidation,BuyingPower,$LEDGER"), 3, "accountSummaryEnd");
  await ask("account updates", "updateAccountValue", () => ib.reqAccountUpdates(true, name), 20, "accountDownloadEnd");
  await ask("account updates multi", "accountUpdateMulti",
    (i) => ib.reqAccountUpdatesMulti(i, name, "", false), 20, "accountUpdateMultiEnd");
  await ask("positions", "position", () => ib.reqPositions(), 1, "positionEnd");
  await ask("positions multi", "positionMulti", (i) => ib.reqPositionsMulti(i, name, ""), 1, "positionMultiEnd");
  await ask("pnl", "pnl", (i) => ib.reqPnL(i, name, ""));
  await ask("pnl single", "pnlSingle", (i) => ib.reqPnLSingle(i, name, "", of.spy.conId));
}

async function orders(of) {
  const place = (contract, what) => ib.placeOrder(++orderId, contract, what);
  await ask("order, filled", "commissionReport", () => place(of.aapl, order("BUY", 2, "MKT")));
  const limit = order("BUY", 10, "LMT", { lmtPrice: 100, tif: "GTC" });
  await ask("order, resting", "orderStatus", () => place(of.aapl, limit), 2);
  await ask("order, modified", "openOrder", () => ib.placeOrder(orderId, of.aapl, { ...limit, lmtPrice: 101 }));
  await ask("order, cancelled", "orderStatus", () => ib.cancelOrder(orderId));
  await ask("preview", "openOrder", () => place(of.aapl, order("BUY", 100, "MKT", { whatIf: true })));
  await ask("trailing stop", "openOrder", () => place(of.aapl, order("SELL", 1, "TRAIL", { trailingPercent: 5 })));
  await ask("bracket", "openOrder", () => {
    place(of.aapl, order("BUY", 1, "LMT", { lmtPrice: 100, transmit: false }));
    const parentId = orderId;
    place(of.aapl, order("SELL", 1, "LMT", { lmtPrice: 900, parentId, transmit: false }));
    place(of.aapl, order("SELL", 1, "STP", { auxPrice: 90, parentId }));
  }, 3);
  const leg = (conId, action) => ({ conId, ratio: 1, action, exchange: "SMART" });
  const combo = {
    symbol: "SPY", secType: "BAG", exchange: "SMART", currency: "USD",
    comboLegs: [leg(of.spy.conId, "BUY"), leg(of.aapl.conId, "SELL")],
  };
  await ask("combo", "openOrder", () => place(combo, order("BUY", 1, "LMT", { lmtPrice: -300 })));
  await ask("open orders", "openOrder", () => ib.reqOpenOrders(), 3, "openOrderEnd");
  await ask("all open orders", "openOrder", () => ib.reqAllOpenOrders(), 3, "openOrderEnd");
  await ask("executions", "execDetails", (i) => ib.reqExecutions(i, {}), 1, "execDetailsEnd");
  await ask("all cancelled", "orderStatus", () => ib.reqGlobalCancel(), 3);
  await ask("completed orders", "completedOrder", () => ib.reqCompletedOrders(false), 3, "completedOrdersEnd");
  await ask("option bought", "execDetails", () => place(of.option, order("BUY", 1, "MKT")));
  await ask("option exercised", "position", () => ib.exerciseOptions(++orderId, of.option, 1, 1, "DU1234567", 1));
}

const tomorrow = "20250612 16:00:00 US/Eastern";
const limit = { orderType: "LMT", lmtPrice: 1 };
const orderTypes = {
  "STP": { orderType: "STP", auxPrice: 5000 },
  "STP LMT": { orderType: "STP LMT", auxPrice: 5000, lmtPrice: 5001 },
  "TRAIL": { orderType: "TRAIL", auxPrice: 5 },
  "TRAIL LIMIT": { orderType: "TRAIL LIMIT", auxPrice: 5, trailStopPrice: 5000, lmtPriceOffset: 0.1 },
  "MIT": { orderType: "MIT", auxPrice: 1 },
  "LIT": { orderType: "LIT", auxPrice: 1, lmtPrice: 1.1 },
  "MOC": { orderType: "MOC" },
  "LOC": { orderType: "LOC", lmtPrice: 1 },
  "MOO": { orderType: "MKT", tif: "OPG" },
  "LOO": { orderType: "LMT", tif: "OPG", lmtPrice: 1 },
  "REL": { orderType: "REL", lmtPrice: 1, auxPrice: 0.01 },
  "MIDPRICE": { orderType: "MIDPRICE", lmtPrice: 1 },
  "good till a date": { ...limit, tif: "GTD", goodTillDate: tomorrow },
  "good after a time": { ...limit, goodAfterTime: tomorrow },
  "outside regular hours": { ...limit, outsideRth: true },
  "one cancels all": { ...limit, ocaGroup: "one", ocaType: 1 },
  "algorithm": { ...limit, algoStrategy: "Adaptive", algoParams: [] },
};

async function allOrderTypes(of) {
  for (const [name, fields] of Object.entries(orderTypes)) {
    const asked = order("BUY", 1, fields.orderType, fields);
    await ask(`order type, ${name}`, "openOrder", () => ib.placeOrder(++orderId, of.aapl, asked), 1, null,
      (found) => found[0][2].orderType === fields.orderType, (told) => told[0] === orderId);
  }
}

async function research(of) {
  await ask("scanner parameters", "scannerParameters", () => ib.reqScannerParameters());
  const scan = { instrument: "STK", locationCode: "STK.US.MAJOR", scanCode: ScanCode.TOP_PERC_GAIN, numberOfRows: 10 };
  await ask("scanner", "scannerData", (i) => ib.reqScannerSubscription(i, scan), 10, "scannerDataEnd");
  const providers = await ask("news providers", "newsProviders", () => ib.reqNewsProviders());
  const codes = providers[0][0].map((one) => one.providerCode ?? one.code).join("+");
  const news = await ask("historical news", "historicalNews",
    (i) => ib.reqHistoricalNews(i, of.aapl.conId, codes, "", "", 10), 1, "historicalNewsEnd");
  await ask("news article", "newsArticle", (i) => ib.reqNewsArticle(i, news[0][2], news[0][3]));
  await ask("news bulletins", "updateNewsBulletin", () => ib.reqNewsBulletins(true));
  await ask("fundamentals", "fundamentalData", (i) => ib.reqFundamentalData(i, of.aapl, "ReportSnapshot"));
  await ask("wsh metadata", "wshMetaData", (i) => ib.reqWshMetaData(i));
  await ask("wsh events", "wshEventData", (i) => ib.reqWshEventData(i, of.aapl.conId));
}

async function main() {
  const of = {};
  await ask("start", "nextValidId", () => ib.connect());
  for (const part of [reference, marketData, history, account, orders, allOrderTypes, research]) {
    try {
      await part(of);
    } catch (error) {
      console.log(JSON.stringify({ op: part.name, got: 0, problem: String(error) }));
    }
  }
  ib.disconnect();
  setTimeout(() => process.exit(0), 100);
}

main();
