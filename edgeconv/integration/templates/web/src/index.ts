export { Classifier } from "./classifier.js";
export { contract } from "./contract.js";
export { Decider, type DeciderSettings, type Decision } from "./decider.js";
export { ModelError, type ModelErrorKind } from "./modelError.js";
export {
  keepAwake,
  Motion,
  type MotionOptions,
  type MotionTarget,
  NoMotion,
  type NoMotionReason,
  requestMotion,
} from "./motion.js";
export {
  type Model,
  type Recognition,
  Recognizer,
  type RecognizerOptions,
} from "./recognizer.js";
export type { Sample, SensorKind } from "./sample.js";
export {
  DeliveredRate,
  type Reaction,
  type SensorEvent,
  SensorMonitor,
  type SensorState,
} from "./sensorState.js";
export { type Counts, SensorStream, type Window } from "./sensorStream.js";
export {
  defaultSettings,
  type SensorSettings,
  type StreamSettings,
  sensorKinds,
} from "./settings.js";
export { type BrowserFacts, expectedSign, type Sign, SignEvidence } from "./sign.js";
