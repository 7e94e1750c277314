import assert from "node:assert/strict";
import { test } from "node:test";
import { Tokenizer } from "../dist/tokenizer.js";
import { bytesOf } from "./liteRt.mjs";
import { vectors } from "./vectors.mjs";

const vocabulary = new TextDecoder().decode(bytesOf("model/vocabulary.txt"));

test("texts give the tokens that they give in Python", () => {
  const tokenizer = new Tokenizer(vocabulary);
  for (const { text, tokens } of vectors.texts) {
    assert.deepEqual(Array.from(tokenizer.tokens(text)), tokens, text);
  }
});

test("a vocabulary of another size is refused", () => {
  assert.throws(() => new Tokenizer(`${vocabulary}another\n`), /words/);
});
