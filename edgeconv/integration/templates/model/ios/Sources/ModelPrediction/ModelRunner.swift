/// Where a model may be computed.
///
/// The CPU is never refused; work for the GPU is, as soon as the app is in the background.
public enum ComputeUnits: String, Sendable, CaseIterable {
  case cpuOnly
  case cpuAndGPU
  case cpuAndNeuralEngine
  /// Whatever the system takes.
  case all
}

/// What runs the model: by name, the order of inputs and outputs does not matter.
public protocol Engine: Sendable {
  /// Its name for reports.
  var runtime: String { get }

  func run(_ inputs: Tensors) async throws -> Tensors
}

/// The model: one sample in, a prediction out.
///
/// ```swift
/// let runner = try await ModelRunner.packaged()
/// let prediction = try await runner.predict(inputs)
/// ```
public struct ModelRunner: Sendable {
  private let engine: any Engine

  /// With another engine than Core ML, such as LiteRT or a recording.
  public init(engine: any Engine) {
    self.engine = engine
  }

  /// What runs the model.
  public var runtime: String { engine.runtime }

  /// What the model says of one sample.
  ///
  /// - Throws: ``ModelError`` where the sample does not fit, or the model gives what is not finite.
  public func predict(_ inputs: Inputs) async throws -> Prediction {
    try await Prediction(run(inputs.tensors))
  }

  /// The same under the model's own names.
  public func run(_ inputs: Tensors) async throws -> Tensors {
    for spec in Contract.inputs { try spec.checkInput(inputs[spec.name]) }
    let outputs = try await engine.run(inputs)
    for spec in Contract.outputs { try spec.checkOutput(outputs[spec.name]) }
    return outputs
  }
}
