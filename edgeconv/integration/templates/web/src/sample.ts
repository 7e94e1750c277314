/** One reading of an accelerometer, in the sensor's own unit and sign. */
export interface Sample {
  /** Milliseconds from any origin, such as `DeviceMotionEvent.timeStamp`. */
  readonly milliseconds: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}
