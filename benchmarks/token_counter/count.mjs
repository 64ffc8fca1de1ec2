// Texts as a JSON list on stdin; how many tokens of OpenAI's o200k each has, as a JSON list on stdout.
import { Tiktoken } from "js-tiktoken/lite";
import o200k from "js-tiktoken/ranks/o200k_base";

const encoding = new Tiktoken(o200k);
let given = "";
for await (const part of process.stdin.setEncoding("utf8")) given += part; // a pipe may have no more yet
console.log(JSON.stringify(JSON.parse(given).map((text) => encoding.encode(text).length)));
