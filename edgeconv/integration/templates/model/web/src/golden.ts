import { contract } from "./contract.js";
import type { ModelRunner } from "./modelRunner.js";

/** `test/golden.json`: samples with what edgeconv got for them from the same file. */
export interface Vectors {
  readonly golden: string;
  readonly inputs: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly expected: Readonly<Record<string, readonly (readonly number[])[]>>;
  /** The largest difference that another device explains, by output. */
  readonly tolerance: Readonly<Record<string, number>>;
}

/** The results file that `edgeconv golden check BUNDLE FILE` judges. */
export interface GoldenResults {
  readonly format: "edgeconv-golden-results";
  readonly schema_version: 1;
  readonly golden: string;
  readonly device: { readonly model: string; readonly system: string };
  readonly results: readonly {
    readonly artifact: string;
    readonly sha256: string;
    readonly runtime: string;
    readonly outputs: Readonly<Record<string, readonly (readonly number[])[]>>;
  }[];
}

/** Runs every golden vector here. */
export async function goldenResults(
  runner: ModelRunner,
  vectors: Vectors,
  device: { readonly model: string; readonly system: string },
): Promise<GoldenResults> {
  const count = Math.max(...Object.values(vectors.inputs).map((rows) => rows.length));
  const outputs: Record<string, (readonly number[])[]> = {};
  for (const { name } of contract.outputs) outputs[name] = [];
  for (let i = 0; i < count; i++) {
    const sample = Object.entries(vectors.inputs).map(([name, rows]) => [name, rows[i] ?? []]);
    const found = await runner.run(new Map(sample as [string, readonly number[]][]));
    for (const { name } of contract.outputs) outputs[name]?.push(found.get(name) ?? []);
  }
  const { artifact, sha256 } = contract;
  return {
    format: "edgeconv-golden-results",
    schema_version: 1,
    golden: vectors.golden,
    device,
    results: [{ artifact, sha256, runtime: "LiteRT.js", outputs }],
  };
}

/** Every number that is farther from the expected one than its output's tolerance. */
export function deviations(vectors: Vectors, results: GoldenResults): string[] {
  const found: string[] = [];
  for (const [name, rows] of Object.entries(vectors.expected)) {
    const tolerance = vectors.tolerance[name] ?? 0;
    rows.forEach((row, i) => {
      const got = results.results[0]?.outputs[name]?.[i] ?? [];
      if (got.length !== row.length) found.push(`${name}, vector ${i}: ${got.length} values`);
      row.forEach((value, place) => {
        const other = got[place] ?? Number.NaN;
        if (!(Math.abs(other - value) <= tolerance)) {
          found.push(`${name}[${place}], vector ${i}: ${other} instead of ${value}`);
        }
      });
    });
  }
  return found;
}
