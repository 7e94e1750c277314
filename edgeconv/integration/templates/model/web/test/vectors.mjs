import { readFileSync } from "node:fs";

/** What edgeconv got from the model of this package. */
export const vectors = JSON.parse(readFileSync(new URL("golden.json", import.meta.url), "utf8"));

/** An engine that gives the golden outputs to whoever asks with the golden inputs. */
export class RecordedEngine {
  constructor(change = (outputs) => outputs) {
    this.change = change;
    this.asked = 0;
  }

  async run(tensors) {
    this.asked += 1;
    const rows = Object.values(vectors.expected)[0].map((_, i) => i);
    const same = (name, i) =>
      Float32Array.from(vectors.inputs[name][i]).join() ===
      Float32Array.from(tensors.get(name)).join();
    const found = rows.find((i) => Object.keys(vectors.inputs).every((name) => same(name, i)));
    if (found === undefined) throw new Error("no golden vector has these inputs");
    // Last one first: nothing may depend on the order.
    const outputs = Object.entries(vectors.expected).map(([name, all]) => [name, all[found]]);
    return this.change(new Map(outputs.reverse()));
  }

  close() {}
}

/** The inputs of one golden vector under the model's own names, last one first. */
export function sample(i) {
  const inputs = Object.entries(vectors.inputs).map(([name, rows]) => [name, [...rows[i]]]);
  return new Map(inputs.reverse());
}
