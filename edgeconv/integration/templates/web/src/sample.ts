/** What a sensor of a phone measures. */
export type SensorKind = "accelerometer" | "gyroscope" | "linear-acceleration" | "gravity";

/** One reading of a sensor, in its own unit and sign. */
export interface Sample {
  /** Milliseconds from any origin, such as `DeviceMotionEvent.timeStamp`. */
  readonly milliseconds: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  /** Which sensor it is of; left out, the first that the model takes. */
  readonly sensor?: SensorKind;
}
