/// What runs the model: by name, the order of inputs and outputs does not matter.
public protocol Engine: Sendable {
  /// Its name for reports.
  var runtime: String { get }

  func run(_ inputs: Tensors) async throws -> Tensors
}

extension Engine {
  /// The numbers of all outputs for those of all inputs, one after the other in the order of
  /// ``Contract``, as `selftest.json` has them.
  func outputs(for values: [Float]) async throws -> [Double] {
    var rest = values[...]
    var inputs = Tensors()
    for spec in Contract.inputs {
      inputs[spec.name] = try spec.tensor(Array(rest.prefix(spec.count)))
      try spec.checkInput(inputs[spec.name])
      rest = rest.dropFirst(spec.count)
    }
    guard rest.isEmpty else { throw ModelError.noSelfTest("a vector has \(values.count) numbers") }
    let outputs = try await run(inputs)
    return Contract.outputs.flatMap { outputs[$0.name]?.numbers ?? [] }
  }
}

/// The model: one sample in, a prediction out.
///
/// ```swift
/// let runner = try await ProvenModel().runner()
/// let prediction = try await runner.predict(inputs)
/// ```
public struct ModelRunner: Sendable {
  /// Of the file that runs.
  public let sha256: String
  private let engine: any Engine

  /// With an engine of the app's own, such as LiteRT or a recording.
  public init(engine: any Engine, sha256: String = Contract.sha256) {
    self.engine = engine
    self.sha256 = sha256
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
