/// Where a model may be computed.
///
/// A network of this size takes less than a millisecond on the CPU, which is never refused: work for
/// the GPU is, as soon as the app is in the background.
public enum ComputeUnits: String, Sendable, CaseIterable {
  case cpu
  case cpuAndGPU = "cpu-and-gpu"
  case cpuAndNeuralEngine = "cpu-and-neural-engine"
  /// Whatever the system takes.
  case all
}

/// What runs the model's file: Core ML, Core AI, or anything else that an app has.
public protocol Engine: Sendable {
  /// Its name for logs and reports.
  var runtime: String { get }

  /// What the model gives for the values of one window, in the order of ``Contract/labels``.
  ///
  /// Numbers that are not finite are given as they are: they are no answer, which ``Recognizer``
  /// counts.
  func outputs(for values: [Float]) async throws -> [Double]
}
