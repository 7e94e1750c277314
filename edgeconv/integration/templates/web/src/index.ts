export { Classifier, type RawAnswer } from "./classifier.js";
export { contract } from "./contract.js";
export { Decider, type DeciderSettings, type Decision } from "./decider.js";
export { defaultEnergy, EnergySaver, type EnergySettings } from "./energy.js";
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
  type PersonalAnswer,
  type PersonalDocument,
  PersonalLayer,
  type PersonalModel,
  type PersonalState,
  personalized,
  personalModel,
  WrongPersonalDocument,
} from "./personal.js";
export { type ModelFiles, type Proof, proveModel } from "./proof.js";
export {
  type Model,
  type Recognition,
  Recognizer,
  type RecognizerOptions,
} from "./recognizer.js";
export type { Sample, SensorKind } from "./sample.js";
export {
  chooseUnit,
  NoUnitPassed,
  type OpenModel,
  type RecordStore,
  recordsIn,
  SelfTest,
  type SelfTestRecord,
  type SelfTestSetup,
  type SelfTestVectors,
  type Unit,
} from "./selfTest.js";
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
export {
  type AppFacts,
  type CurrentModel,
  factsOfPackage,
  filesAt,
  type Installed,
  type ReadFile,
  type Refusal,
  type UpdateManifest,
  type UpdateOutcome,
  type UpdateState,
  type UpdateStore,
  Updates,
  updatesIn,
} from "./updates.js";
