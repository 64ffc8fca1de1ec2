// Texts as a JSON list on stdin; how many tokens of OpenAI's o200k each has, as a JSON list on stdout.
import { readFileSync } from "node:fs";
import { Tiktoken } from "js-tiktoken/lite";
import o200k from "js-tiktoken/ranks/o200k_base";

const encoding = new Tiktoken(o200k);
console.log(JSON.stringify(JSON.parse(readFileSync(0)).map((text) => encoding.encode(text).length)));
