import type { Recognition } from "../recognizer.js";
import type { Sample, SensorKind } from "../sample.js";
import { defaultSettings, type StreamSettings, sensorKinds } from "../settings.js";

/** What `test/stream.json` holds of one stream. */
export interface Recorded {
  readonly name: string;
  readonly about: string;
  readonly sensor_hz: number;
  readonly factor: number;
  /** Where there are several, the first one too. */
  readonly sensors?: readonly { readonly hz: number; readonly factor: number }[];
  readonly restart_before: readonly number[];
  readonly samples: {
    readonly t_ns: readonly number[];
    readonly sensor?: readonly number[];
    readonly x: readonly (number | null)[];
    readonly y: readonly (number | null)[];
    readonly z: readonly (number | null)[];
  };
  readonly expected: {
    readonly windows: readonly {
      readonly end_ns: number;
      readonly outputs: readonly number[];
      readonly decision: number;
      readonly sure: boolean;
    }[];
  };
}

export interface Recordings {
  readonly tolerance: { readonly probability: number };
  readonly streams: readonly Recorded[];
}

export async function loadJson<Content>(place: string | URL): Promise<Content> {
  const answer = await fetch(place);
  if (!answer.ok) throw new Error(`${place}: ${answer.status} ${answer.statusText}`);
  return (await answer.json()) as Content;
}

export function settingsOf(recorded: Recorded): StreamSettings {
  const further = (recorded.sensors ?? [])
    .slice(1)
    .map(({ hz, factor }) => ({ sensorHz: hz, factor }));
  return { ...defaultSettings, sensorHz: recorded.sensor_hz, factor: recorded.factor, further };
}

/** The samples in the order in which the sensors gave them. JSON has no NaN: null stands for it. */
export function samplesOf({ samples }: Recorded): Sample[] {
  const number = (values: readonly (number | null)[], i: number) => values[i] ?? Number.NaN;
  return samples.t_ns.map((time, i) => ({
    milliseconds: time / 1e6,
    sensor: sensorKinds[samples.sensor?.[i] ?? 0] as SensorKind,
    x: number(samples.x, i),
    y: number(samples.y, i),
    z: number(samples.z, i),
  }));
}

/** How many windows came out as in Python: at the same time, within the tolerance. */
export function agreement(
  recorded: Recorded,
  found: readonly Recognition[],
  tolerance: number,
): { right: number; of: number } {
  const { windows } = recorded.expected;
  const right = windows.filter((window, i) => {
    const each = found[i];
    if (!each || each.endNanoseconds !== window.end_ns) return false;
    const close = window.outputs.every(
      (p, k) => Math.abs(p - (each.outputs[k] ?? Number.NaN)) <= tolerance,
    );
    return close && (!window.sure || each.decision.candidate === window.decision);
  });
  return { right: right.length, of: Math.max(windows.length, found.length) };
}
