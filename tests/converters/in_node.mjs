// npm's converters: tools as JSON on stdin, a JSON line of refusals on stdout. A model's request is caught before it
// leaves, so nothing is sent anywhere.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { mcpToTool } from "@google/genai";
import { mcpToFunctionTool } from "@openai/agents";
import { generateText, jsonSchema, tool as aiTool } from "ai";
import Ajv from "ajv";
import addFormats from "ajv-formats";

// Modules inside a package, which its "exports" do not name.
const inside = (path) => import(new URL(`./node_modules/${path}`, import.meta.url));
const { transformJSONSchema } = await inside("@anthropic-ai/sdk/lib/transform-json-schema.mjs");
const { jsonSchemaToGeminiParameters } = await inside("@langchain/google-genai/dist/utils/zod_to_genai_parameters.js");

function aiSdk(make, model, strict) {
  return async (tool) => {
    let sent;
    const fetch = async (_url, options) => {
      sent = JSON.parse(options.body);
      throw new Error("caught");
    };
    const inputSchema = jsonSchema({ ...tool.inputSchema, additionalProperties: false }); // as @ai-sdk/mcp does
    const tools = { [tool.name]: aiTool({ description: tool.description, inputSchema, strict }) };
    try {
      await generateText({ model: make({ apiKey: "none", fetch })(model), maxRetries: 0, prompt: "x", tools });
    } catch (error) {
      if (!sent) throw error;
    }
    if (!sent?.tools?.length) throw new Error("the tool is not in the request");
  };
}

async function googleGenai(tool) {
  const client = { listTools: async () => ({ tools: [tool] }), callTool: async () => ({}) };
  const made = await mcpToTool(client, {}).tool();
  if (made.functionDeclarations.length !== 1) throw new Error("no declaration");
}

// As the TypeScript SDK and MCP Inspector check what a tool answers.
function checkedAnswers(tool) {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true });
  addFormats(ajv);
  const fits = ajv.compile(tool.outputSchema);
  for (const answer of tool.answers) {
    if (!fits(answer)) throw new Error(ajv.errorsText(fits.errors));
  }
}

const converters = {
  "npm ajv, strict: output schema and answers of each format": checkedAnswers,
  "npm ai to OpenAI, strict": aiSdk(createOpenAI, "gpt-5", true),
  "npm ai to Anthropic": aiSdk(createAnthropic, "claude-opus-5", false),
  "npm ai to Gemini": aiSdk(createGoogleGenerativeAI, "gemini-3-pro", false),
  "npm @anthropic-ai/sdk, output schema": (tool) => transformJSONSchema(tool.inputSchema),
  "npm @google/genai, MCP tool": googleGenai,
  "npm @langchain/google-genai": (tool) => jsonSchemaToGeminiParameters(tool.inputSchema),
  "npm @openai/agents, MCP tool": (tool) => mcpToFunctionTool(tool, { name: "ibkr", callTool: async () => [] }, false),
};

let given = "";
for await (const part of process.stdin.setEncoding("utf8")) given += part; // a pipe may have no more yet
const tools = JSON.parse(given);
const refused = {};
for (const [name, convert] of Object.entries(converters)) {
  refused[name] = {};
  for (const tool of tools) {
    try {
      await convert(structuredClone(tool));
    } catch (error) {
      refused[name][tool.name] = String(error).slice(0, 300);
    }
  }
}
console.log(JSON.stringify(refused));
